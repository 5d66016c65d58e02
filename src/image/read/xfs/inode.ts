import type { Inode as AnyInode, EntryType, Time } from '../filesystem.ts';
import type { Volume } from './volume.ts';

const MAGIC = 0x494e;
const VERSION = 3;
/** Bytes of the part that every inode has; its forks follow. */
const CORE = 176;
const BIG_TIME = 0x8n;
/** Where a time of 64 bits of nanoseconds counts from, in seconds. */
const BIG_TIME_START = -(2 ** 31);
const REALTIME = 0x1;

const TYPES: Readonly<Record<number, EntryType>> = {
  ...{ 1: 'fifo', 2: 'character', 4: 'directory', 6: 'block', 8: 'file', 10: 'symlink', 12: 'socket' },
};

const FORMATS = ['device', 'local', 'extents', 'tree'] as const;

/** Data of a file, or its attributes: within the inode, a list of extents there, or the root of a tree of them. */
export interface Fork {
  readonly format: (typeof FORMATS)[number];
  /** The part of the inode that it has. */
  readonly body: Buffer;
  /** Records in a list of extents. */
  readonly extents: number;
}

export interface Inode extends AnyInode {
  readonly data: Fork;
  readonly attributes?: Fork;
}

/** @throws CheckError when a directory names an inode that is not in use or has a form we do not read */
export async function readInode(volume: Volume, number: number): Promise<Inode> {
  const { inodesPerBlockBits, inodeSize } = volume.superblock;
  if (!Number.isSafeInteger(number) || number < 1) throw volume.damaged(`there is no inode ${number}`);
  const perBlock = 2 ** inodesPerBlockBits;
  const block = volume.block(BigInt(Math.floor(number / perBlock)));
  const raw = await volume.read(block, (number % perBlock) * inodeSize, inodeSize);
  const isInode = raw.readUInt16BE(0) === MAGIC && raw.readUInt8(4) === VERSION;
  if (!isInode || raw.readBigUInt64BE(152) !== BigInt(number))
    throw volume.damaged(`there is no inode ${number}`);
  return parseInode(volume, number, raw);
}

function parseInode(volume: Volume, number: number, raw: Buffer): Inode {
  const mode = raw.readUInt16BE(2);
  const type = TYPES[mode >>> 12];
  const links = raw.readUInt32BE(16);
  const size = Number(raw.readBigUInt64BE(56));
  if (type === undefined || links === 0) throw volume.damaged(`inode ${number} is named but not in use`);
  if (raw.readUInt16BE(90) & REALTIME || !Number.isSafeInteger(size)) {
    throw volume.damaged(`inode ${number} is of a kind we cannot read`);
  }
  return {
    ...{ number, type, mode: mode & 0o7777, size, links },
    uid: raw.readUInt32BE(8),
    gid: raw.readUInt32BE(12),
    mtime: timeAt(raw, 40),
    ...forksOf(volume, number, raw),
  };
}

function forksOf(volume: Volume, number: number, raw: Buffer): Pick<Inode, 'data' | 'attributes'> {
  const offset = raw.readUInt8(82) * 8;
  const room = raw.length - CORE;
  const fork = (format: number, extents: number, body: Buffer): Fork => {
    const name = FORMATS[format];
    if (name === undefined || (name === 'extents' && extents * 16 > body.length)) {
      throw volume.damaged(`inode ${number} has a damaged fork`);
    }
    return { format: name, body, extents };
  };
  if (offset >= room) throw volume.damaged(`inode ${number} has a damaged fork`);
  const body = raw.subarray(CORE, offset === 0 ? raw.length : CORE + offset);
  const data = fork(raw.readUInt8(5), raw.readUInt32BE(76), body);
  if (offset === 0) return { data };
  const attributes = fork(raw.readUInt8(83), raw.readUInt16BE(80), raw.subarray(CORE + offset));
  return { data, attributes };
}

function timeAt(raw: Buffer, at: number): Time {
  if ((raw.readBigUInt64BE(120) & BIG_TIME) === 0n) {
    return { seconds: raw.readInt32BE(at), nanoseconds: raw.readInt32BE(at + 4) };
  }
  const told = raw.readBigUInt64BE(at);
  const second = 1_000_000_000n;
  return { seconds: Number(told / second) + BIG_TIME_START, nanoseconds: Number(told % second) };
}

/** Major and minor number of a device node. */
export function deviceOf({ data }: Inode): { major: number; minor: number } {
  const device = data.body.readUInt32BE(0);
  return { major: (device >>> 18) & 0x3fff, minor: device & 0x3ffff };
}
