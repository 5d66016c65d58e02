export const BLOCK = 4096;
const MIB = 1024 * 1024;

/** One entry of a tree, as `find -printf` tells it. */
export interface TreeEntry {
  /** `f` file, `d` directory, `l` symbolic link, anything else: special file. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly inode: string;
  /** Relative to the tree, without a leading slash; the tree itself is the empty text. */
  readonly path: string;
}

/** What `find TREE -printf FIND_FORMAT` prints, and how to read it. */
export const FIND_FORMAT = '%y %s %i %P\\0';

export function parseFind(text: string): TreeEntry[] {
  return text
    .split('\0')
    .filter(row => row !== '')
    .map(row => {
      const [type = '', size = '', inode = '', ...path] = row.split(' ');
      return { type, size: Number(size), inode, path: path.join(' ') };
    });
}

export interface FilesystemSize {
  /** Bytes; a multiple of 1 MiB. */
  readonly bytes: number;
  /** Bytes of disk for each inode, mke2fs's `-i`. */
  readonly bytesPerInode: number;
}

/**
 * The smallest ext4 that takes the tree, its journal and the reserve. Constants follow mke2fs: 256-byte
 * inodes, groups of 32,768 blocks with two bitmaps each, sparse copies of superblock and descriptors.
 * @param slack share of the whole that stays free for what is not counted (extents, uneven directories)
 */
export function filesystemSize(
  entries: readonly TreeEntry[],
  options: { journal: number; reserve: number; slack: number },
): FilesystemSize {
  const blocks = contentBlocks(entries) + (options.journal + options.reserve) / BLOCK;
  let bytesPerInode = 16_384;
  for (;;) {
    const perBlock = (BLOCK / bytesPerInode) * (256 / BLOCK) + 2 / 32_768 + options.slack;
    const bytes = Math.ceil(((blocks / (1 - perBlock)) * BLOCK + descriptors(blocks)) / MIB) * MIB;
    const inodes = entries.length * 1.1 + 100;
    if (bytes / bytesPerInode > inodes) return { bytes, bytesPerInode };
    // A tree of so many and so small files that inodes decide, not blocks.
    if (bytesPerInode <= 2048)
      return { bytes: Math.ceil((inodes * bytesPerInode) / MIB) * MIB, bytesPerInode };
    bytesPerInode /= 2;
  }
}

/** Superblock copies and the descriptor blocks kept for a growth of a thousand times. */
function descriptors(blocks: number): number {
  const copies = 1 + [1, 3, 5, 7, 9, 25, 27, 49, 81, 125].filter(group => group * 32_768 < blocks).length;
  const reserved = Math.min(1024, Math.ceil((blocks * 1024) / 32_768 / 64));
  return copies * (reserved + 2) * BLOCK;
}

/** Blocks of the files, directories and long symlinks. */
export function contentBlocks(entries: readonly TreeEntry[]): number {
  const seen = new Set<string>();
  const folders = new Map<string, number>();
  let blocks = 0;
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/');
    const parent = slash < 0 ? '' : entry.path.slice(0, slash);
    const name = Buffer.byteLength(entry.path) - (slash < 0 ? 0 : Buffer.byteLength(parent) + 1);
    folders.set(parent, (folders.get(parent) ?? 24) + 8 + Math.ceil(name / 4) * 4);
    if (seen.has(entry.inode)) continue;
    seen.add(entry.inode);
    if (entry.type === 'f') blocks += Math.ceil(entry.size / BLOCK);
    if (entry.type === 'l' && entry.size > 59) blocks += 1;
    if (entry.type === 'd') blocks += 1;
  }
  // Directories of more than a block: entries do not cross blocks, and an index is added.
  for (const bytes of folders.values()) if (bytes > BLOCK * 0.9) blocks += Math.ceil((bytes * 1.1) / BLOCK);
  return blocks;
}

/**
 * The entries that one volume takes, with paths from its own root.
 * @param point where it is mounted, `/` or `/boot`
 * @param below mount points inside of it, whose own entries belong to other volumes
 */
export function entriesBelow(
  entries: readonly TreeEntry[],
  point: string,
  below: readonly string[],
): TreeEntry[] {
  const prefix = point === '/' ? '' : `${point.slice(1)}/`;
  const hidden = below.map(each => `${each.slice(1)}/`);
  return entries
    .filter(({ path }) => `${path}/`.startsWith(prefix) && !hidden.some(each => path.startsWith(each)))
    .map(entry => ({ ...entry, path: entry.path.slice(prefix.length) }));
}
