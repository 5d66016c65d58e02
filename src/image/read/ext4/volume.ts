import type { CheckError } from '../../../host/errors.ts';
import type { Region } from '../region.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

/** The blocks of one filesystem: the only place that turns block numbers into disk offsets. */
export class Volume {
  readonly superblock: Superblock;
  readonly #region: Region;

  constructor(region: Region, superblock: Superblock) {
    this.#region = region;
    this.superblock = superblock;
  }

  static async open(region: Region): Promise<Volume> {
    return new Volume(region, await readSuperblock(region));
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
    return this.#region.disk.damaged(`ext4 ${this.superblock.label || this.superblock.uuid}: ${what}`);
  }
}
