import { Ext4 } from './ext4/ext4.ts';
import type { Filesystem } from './filesystem.ts';
import type { Region } from './region.ts';
import { looksLikeXfs } from './xfs/superblock.ts';
import { Xfs } from './xfs/xfs.ts';

/**
 * The filesystem in a piece of a disk.
 * @throws CheckError when it is none that we read, or not clean
 */
export async function openFilesystem(region: Region): Promise<Filesystem> {
  if (await looksLikeXfs(region)) return Xfs.open(region);
  return Ext4.open(region.disk, region.offset, region.size);
}
