import type { Disk } from '../disk.ts';
import type { Region } from '../region.ts';

const MAGIC = 0x58465342;
const SIZE = 264;
const INCOMPAT = { fileTypes: 0x1, sparseInodes: 0x2, metaUuid: 0x4, bigTimes: 0x8 } as const;
const READABLE = Object.values(INCOMPAT).reduce((all, bit) => all | bit, 0);
const VERSION_MASK = 0xf;
const NULL_BLOCK = 0xffff_ffff_ffff_ffffn;

/** What the reader needs to know of a filesystem; all of it stands in the XFS Filesystem Structure document. */
export interface Superblock {
  readonly label: string;
  readonly uuid: string;
  /** Bytes. */
  readonly blockSize: number;
  readonly blocks: number;
  /** Blocks of each allocation group but the last, which may be shorter, and their number. */
  readonly groupBlocks: number;
  readonly groups: number;
  /** Bits of a block number, and of an inode number, that count within a group. */
  readonly groupBits: number;
  readonly inodesPerBlockBits: number;
  /** Bytes. */
  readonly inodeSize: number;
  readonly rootInode: number;
  /** Raw block number as it is stored, and blocks. */
  readonly log: { readonly start: bigint; readonly blocks: number };
}

export async function looksLikeXfs({ disk, offset, size }: Region): Promise<boolean> {
  return size >= SIZE && (await disk.read(offset, 4)).readUInt32BE(0) === MAGIC;
}

/** @throws CheckError for what is not read here, or is impossible */
export async function readSuperblock({ disk, offset, size }: Region): Promise<Superblock> {
  const raw = await disk.read(offset, SIZE);
  refuseUnreadable(disk, raw);
  const superblock: Superblock = {
    label: raw.toString('utf8', 108, 120).replace(/\0.*$/su, ''),
    uuid: raw.toString('hex', 32, 48).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    blockSize: raw.readUInt32BE(4),
    blocks: Number(raw.readBigUInt64BE(8)),
    groupBlocks: raw.readUInt32BE(84),
    groups: raw.readUInt32BE(88),
    groupBits: raw.readUInt8(124),
    inodesPerBlockBits: raw.readUInt8(123),
    inodeSize: raw.readUInt16BE(104),
    rootInode: Number(raw.readBigUInt64BE(56)),
    log: { start: raw.readBigUInt64BE(48), blocks: raw.readUInt32BE(96) },
  };
  refuseImpossible(disk, superblock, raw, size);
  return superblock;
}

function refuseUnreadable(disk: Disk, raw: Buffer): void {
  const version = raw.readUInt16BE(100) & VERSION_MASK;
  if (version !== 5) throw disk.damaged(`its XFS is of version ${version}, and only 5 is read`);
  const unknown = (raw.readUInt32BE(216) & ~READABLE) >>> 0;
  if (unknown !== 0) throw disk.damaged(`its XFS has features we cannot read (0x${unknown.toString(16)})`);
  if (raw.readUInt8(126) !== 0) throw disk.damaged('its XFS was never finished by mkfs');
  if ((raw.readUInt32BE(216) & INCOMPAT.fileTypes) === 0) throw disk.damaged('its XFS keeps no file types');
  const elsewhere = raw.readBigUInt64BE(16) !== 0n || raw.readBigUInt64BE(48) === 0n;
  if (elsewhere) throw disk.damaged('its XFS has a realtime or log device of its own');
}

function refuseImpossible(disk: Disk, superblock: Superblock, raw: Buffer, size: number): void {
  const { blockSize, blocks, groupBlocks, groups, groupBits, inodeSize, inodesPerBlockBits } = superblock;
  const facts: readonly [boolean, string][] = [
    [blockSize >= 1024 && blockSize <= 65536 && isPowerOfTwo(blockSize), 'block size'],
    [raw.readUInt8(192) === 0, 'directory block size'],
    [blocks > 0 && blocks * blockSize <= size, 'number of blocks'],
    [groupBlocks > 0 && groupBits <= 31 && groupBlocks <= 2 ** groupBits, 'group size'],
    [groups === Math.ceil(blocks / groupBlocks), 'number of groups'],
    [inodeSize >= 256 && inodeSize <= 2048 && isPowerOfTwo(inodeSize), 'inode size'],
    [blockSize === inodeSize * 2 ** Math.min(inodesPerBlockBits, 31), 'number of inodes in a block'],
    [superblock.log.start !== NULL_BLOCK, 'place of its log'],
  ];
  const wrong = facts.find(([holds]) => !holds);
  if (wrong !== undefined) throw disk.damaged(`its XFS names an impossible ${wrong[1]}`);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
