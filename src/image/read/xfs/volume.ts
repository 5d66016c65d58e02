import type { CheckError } from '../../../host/errors.ts';
import type { Region } from '../region.ts';
import { requireCleanLog } from './log.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

/** The blocks of one filesystem, counted through from its start: the only place that makes disk offsets of them. */
export class Volume {
  readonly superblock: Superblock;
  readonly #region: Region;

  constructor(region: Region, superblock: Superblock) {
    this.#region = region;
    this.superblock = superblock;
  }

  static async open(region: Region): Promise<Volume> {
    const volume = new Volume(region, await readSuperblock(region));
    await requireCleanLog(volume);
    return volume;
  }

  /** A stored block number has its group in the upper bits. @throws CheckError when there is no such block */
  block(stored: bigint): number {
    const { groupBits, groupBlocks } = this.superblock;
    const group = Number(stored >> BigInt(groupBits));
    const within = Number(stored & ((1n << BigInt(groupBits)) - 1n));
    const block = group * groupBlocks + within;
    if (within >= groupBlocks || !this.holds(block, 1))
      throw this.damaged(`block ${stored} is beyond its end`);
    return block;
  }

  /** Part of the run of blocks that starts at `block`; never beyond the filesystem. */
  read(block: number, offset: number, length: number): Promise<Buffer> {
    const { blockSize, blocks } = this.superblock;
    const start = block * blockSize + offset;
    if (start + length > blocks * blockSize) throw this.damaged(`block ${block} is beyond its end`);
    return this.#region.disk.read(this.#region.offset + start, length);
  }

  readBlock(block: number): Promise<Buffer> {
    return this.read(block, 0, this.superblock.blockSize);
  }

  /** Whether a run of blocks lies in the filesystem and not on its superblock. */
  holds(block: number, count: number): boolean {
    return block > 0 && count > 0 && block + count <= this.superblock.blocks;
  }

  damaged(what: string): CheckError {
    const { label, uuid } = this.superblock;
    return this.#region.disk.damaged(`xfs ${label || uuid}: ${what}`);
  }
}
