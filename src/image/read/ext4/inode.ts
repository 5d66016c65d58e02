import type { Inode as AnyInode, EntryType, Time } from '../filesystem.ts';
import type { Volume } from './volume.ts';

const TYPES: Readonly<Record<number, EntryType>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

export const FLAGS = {
  encrypted: 0x800,
  extents: 0x80000,
  externalValue: 0x200000,
  inlineData: 0x10000000,
} as const;
export const ROOT_INODE = 2;
/** Bytes of an inode that every version has; what follows is extra fields, then attributes. */
export const BASE_INODE_SIZE = 128;
const CASEFOLDED = 0x40000000;

export interface Inode extends AnyInode {
  readonly flags: number;
  /** Blocks of 512 bytes (or of the filesystem) that are charged to it; 0 for a symlink kept inside. */
  readonly charged: number;
  /** Block of extended attributes, 0 for none. */
  readonly attributeBlock: number;
  /** The 60 bytes that hold the extent tree, block map, symlink target, device number or inline data. */
  readonly map: Buffer;
  readonly raw: Buffer;
}

/** @throws CheckError when a directory names an inode that is not in use or has a form we do not read */
export async function readInode(volume: Volume, number: number): Promise<Inode> {
  const { superblock } = volume;
  if (number < 1 || number > superblock.inodes) throw volume.damaged(`there is no inode ${number}`);
  if (number < superblock.firstInode && number !== ROOT_INODE) {
    throw volume.damaged(`a directory names the reserved inode ${number}`);
  }
  const table = await inodeTable(volume, Math.floor((number - 1) / superblock.inodesPerGroup));
  const offset = ((number - 1) % superblock.inodesPerGroup) * superblock.inodeSize;
  const inode = parseInode(volume, number, await volume.read(table, offset, superblock.inodeSize));
  if (inode.flags & (FLAGS.encrypted | FLAGS.externalValue | CASEFOLDED)) {
    throw volume.damaged(`inode ${number} is encrypted or of another kind we cannot read`);
  }
  return inode;
}

async function inodeTable(volume: Volume, group: number): Promise<number> {
  const { descriptorBlock, descriptorSize, inodesPerGroup, inodeSize, blockSize } = volume.superblock;
  const descriptor = await volume.read(descriptorBlock, group * descriptorSize, descriptorSize);
  const high = descriptorSize >= 64 ? descriptor.readUInt32LE(0x28) : 0;
  const table = descriptor.readUInt32LE(0x08) + high * 2 ** 32;
  if (!volume.holds(table, Math.ceil((inodesPerGroup * inodeSize) / blockSize))) {
    throw volume.damaged(`the inode table of group ${group} is outside of it`);
  }
  return table;
}

function parseInode(volume: Volume, number: number, raw: Buffer): Inode {
  const mode = raw.readUInt16LE(0x00);
  const type = TYPES[mode >>> 12];
  const links = raw.readUInt16LE(0x1a);
  if (type === undefined || links === 0) throw volume.damaged(`inode ${number} is named but not in use`);
  return {
    number,
    type,
    mode: mode & 0o7777,
    uid: raw.readUInt16LE(0x02) + raw.readUInt16LE(0x78) * 65536,
    gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 65536,
    size: raw.readUInt32LE(0x04) + raw.readUInt32LE(0x6c) * 2 ** 32,
    links,
    mtime: timeAt(raw, 0x10, 0x88),
    flags: raw.readUInt32LE(0x20),
    charged: raw.readUInt32LE(0x1c) + raw.readUInt16LE(0x74) * 2 ** 32,
    attributeBlock: raw.readUInt32LE(0x68) + raw.readUInt16LE(0x76) * 2 ** 32,
    map: raw.subarray(0x28, 0x28 + 60),
    raw,
  };
}

/** Bytes of extra fields behind the base of the inode. */
export function extraSize(raw: Buffer): number {
  return raw.length > BASE_INODE_SIZE ? raw.readUInt16LE(0x80) : 0;
}

/** The extra field holds two more bits of seconds and thirty bits of nanoseconds. */
function timeAt(raw: Buffer, at: number, extraAt: number): Time {
  const seconds = raw.readInt32LE(at);
  if (extraAt + 4 > BASE_INODE_SIZE + extraSize(raw) || extraAt + 4 > raw.length)
    return { seconds, nanoseconds: 0 };
  const extra = raw.readUInt32LE(extraAt);
  return { seconds: seconds + (extra & 3) * 2 ** 32, nanoseconds: extra >>> 2 };
}

/** Major and minor number of a device node; the newer 32-bit form is in the second word. */
export function deviceOf(inode: Inode): { major: number; minor: number } {
  const old = inode.map.readUInt32LE(0);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const wide = inode.map.readUInt32LE(4);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
