import type { PlacedVolume } from './layout.ts';
import { BLOCK, contentBlocks, type FilesystemSize, type TreeEntry } from './tree-size.ts';

/** An XFS as the kernels and GRUBs of every supported release read it. */

const MIB = 1024 * 1024;

/** Bytes: mkfs.xfs makes no smaller one. */
const LEAST = 300 * MIB;
export const LEAST_LOG = 64 * MIB;
/** Blocks that the kernel keeps for itself: a twentieth, and no more than this. */
const KEPT = 8192;
const INODE = 512;

/**
 * The number of groups stays the least that can be repaired, since one that grows adds groups of the same size. Nothing
 * is left for mkfs.xfs to choose by the processors or the disk of this host.
 */
const GEOMETRY = ['-b', 'size=4096', '-s', 'size=512', '-d', 'agcount=2,noalign'];

/** What Linux 6.1 and GRUB 2.06 know; what came later is off. */
const FEATURES = 'crc=1,finobt=1,inobtcount=1,reflink=1,rmapbt=0,bigtime=1,metadir=0';

/** mkfs.xfs's arguments but for the source and the target. @param log bytes */
export function mkfsXfsOptions({ uuid, label }: Pick<PlacedVolume, 'uuid' | 'label'>, log: number): string[] {
  return [
    ...GEOMETRY,
    ...['-m', `${FEATURES},uuid=${uuid}`],
    ...['-i', `size=${INODE},sparse=1,nrext64=0,exchange=0`, '-n', 'parent=0'],
    ...['-l', `size=${log / MIB}m`],
    ...(label === undefined ? [] : ['-L', label]),
  ];
}

/**
 * The smallest XFS that takes the tree, its log and the reserve.
 * @param slack share of the whole that stays free for what is not counted (trees of free space and of extents)
 */
export function xfsSize(
  entries: readonly TreeEntry[],
  { journal, reserve, slack }: { journal: number; reserve: number; slack: number },
): FilesystemSize {
  const inodes = Math.ceil((entries.length * INODE) / BLOCK);
  const blocks = contentBlocks(entries) + inodes + KEPT + (journal + reserve) / BLOCK;
  const bytes = Math.ceil(((blocks / (1 - slack)) * BLOCK) / MIB) * MIB;
  return { bytes: Math.max(bytes, LEAST), bytesPerInode: INODE };
}
