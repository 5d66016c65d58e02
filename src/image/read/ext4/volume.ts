import type { Region } from '../region.ts';
import { BlockVolume } from '../volume.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

export class Volume extends BlockVolume<Superblock> {
  protected readonly kind = 'ext4';

  static async open(region: Region): Promise<Volume> {
    return new Volume(region, await readSuperblock(region));
  }
}
