import { createHash } from 'node:crypto';

/** Pure arithmetic of disks: how large the root filesystem must be, and where the partitions lie. */

export const SECTOR = 512;
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

function contentBlocks(entries: readonly TreeEntry[]): number {
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

export interface Partition {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  /** In sectors of 512 bytes. */
  readonly start: number;
  readonly size: number;
  readonly uuid: string;
}

export interface DiskLayout {
  /** Bytes. */
  readonly size: number;
  readonly diskUuid: string;
  readonly bios: Partition;
  readonly esp: Partition;
  readonly root: Partition;
}

/** GPT type GUIDs (UEFI specification 5.3.3; GRUB manual; Linux filesystem data). */
const TYPES = {
  bios: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  root: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};

const ESP_BYTES = 64 * MIB;

/**
 * GPT for BIOS and UEFI: boot partitions first under high numbers, the root partition last on the disk as
 * number 1, so that it can grow.
 * @param seed what the GUIDs derive from
 */
export function gptHybrid(rootBytes: number, seed: string): DiskLayout {
  const sectors = (bytes: number) => bytes / SECTOR;
  const uuid = (what: string) => derivedUuid(`${seed} ${what}`);
  const part = (number: number, name: keyof typeof TYPES, start: number, bytes: number): Partition => ({
    number,
    name,
    type: TYPES[name],
    start: sectors(start),
    size: sectors(bytes),
    uuid: uuid(name),
  });
  const rootStart = 2 * MIB + ESP_BYTES;
  return {
    // One MiB behind the root holds the second table.
    size: rootStart + rootBytes + MIB,
    diskUuid: uuid('disk'),
    bios: part(14, 'bios', MIB, MIB),
    esp: part(15, 'esp', 2 * MIB, ESP_BYTES),
    root: part(1, 'root', rootStart, rootBytes),
  };
}

/** The script that sfdisk reads. */
export function sfdiskScript(layout: DiskLayout): string {
  const head = ['label: gpt', `label-id: ${layout.diskUuid}`, 'unit: sectors', 'first-lba: 34'];
  const rows = [layout.root, layout.bios, layout.esp].map(
    part =>
      `${part.number} : start=${part.start}, size=${part.size}, type=${part.type}, uuid=${part.uuid}, name="${part.name}"`,
  );
  return [...head, '', ...rows, ''].join('\n');
}

/** A UUID (RFC 9562 version 8) made from a text, so that the same input gives the same disk. */
export function derivedUuid(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
