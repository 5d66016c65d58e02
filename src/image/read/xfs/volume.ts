import type { Region } from '../region.ts';
import { BlockVolume } from '../volume.ts';
import { requireCleanLog } from './log.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

export class Volume extends BlockVolume<Superblock> {
  protected readonly kind = 'xfs';

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
}
