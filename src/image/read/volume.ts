import type { CheckError } from '../../host/errors.ts';
import type { Region } from './region.ts';

/** What every kind of superblock tells. */
interface Shape {
  /** Bytes. */
  readonly blockSize: number;
  readonly blocks: number;
  readonly label: string;
  readonly uuid: string;
}

/** The blocks of one filesystem, counted through from its start: the only place that makes disk offsets of them. */
export abstract class BlockVolume<S extends Shape> {
  /** For messages: `ext4`. */
  protected abstract readonly kind: string;
  readonly superblock: S;
  readonly #region: Region;

  constructor(region: Region, superblock: S) {
    this.#region = region;
    this.superblock = superblock;
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
    return this.#region.disk.damaged(`${this.kind} ${label || uuid}: ${what}`);
  }
}
