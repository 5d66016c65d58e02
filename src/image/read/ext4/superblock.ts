import type { Disk } from '../disk.ts';
import type { Region } from '../region.ts';

const SUPERBLOCK_SIZE = 1024;
const VALID_STATE = 1;
const INCOMPAT = {
  filetype: 0x2,
  recover: 0x4,
  extents: 0x40,
  bits64: 0x80,
  flexGroups: 0x200,
  checksumSeed: 0x2000,
  largeDirectories: 0x4000,
  inlineData: 0x8000,
} as const;
const READABLE = Object.values(INCOMPAT).reduce((all, bit) => all | bit, 0);
const RO_ORPHANS_PRESENT = 0x10000;

/** What the reader needs to know of a filesystem; sizes in bytes. */
export interface Superblock {
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  readonly blocks: number;
  readonly inodes: number;
  readonly inodeSize: number;
  readonly inodesPerGroup: number;
  readonly firstInode: number;
  readonly groups: number;
  readonly descriptorSize: number;
  /** Block number of the group descriptors. */
  readonly descriptorBlock: number;
}

/** Whether the region starts like an ext2, ext3 or ext4 filesystem. */
export async function looksLikeExt4({ disk, offset, size }: Region): Promise<boolean> {
  return size >= 2048 && (await disk.read(offset + 1024 + 0x38, 2)).readUInt16LE(0) === 0xef53;
}

/**
 * @throws CheckError for anything that a kernel would refuse, repair or replay when it mounts: then what
 *   we read is not what the guest will see
 */
export async function readSuperblock(region: Region): Promise<Superblock> {
  const { disk, offset, size } = region;
  if (!(await looksLikeExt4(region))) throw disk.damaged(`no ext4 filesystem at byte ${offset}`);
  const raw = await disk.read(offset + 1024, SUPERBLOCK_SIZE);
  refuseUnreadable(disk, raw);
  const bits64 = (raw.readUInt32LE(0x60) & INCOMPAT.bits64) !== 0;
  const blockSize = 1024 << Math.min(raw.readUInt32LE(0x18), 31);
  const blocks = raw.readUInt32LE(0x04) + (bits64 ? raw.readUInt32LE(0x150) * 2 ** 32 : 0);
  const firstDataBlock = raw.readUInt32LE(0x14);
  const superblock: Superblock = {
    label: raw.toString('utf8', 0x78, 0x88).replace(/\0.*$/su, ''),
    uuid: raw.toString('hex', 0x68, 0x78).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    blockSize,
    blocks,
    inodes: raw.readUInt32LE(0x00),
    // Revision 0 has fixed inodes and no field for their size.
    inodeSize: raw.readUInt32LE(0x4c) === 0 ? 128 : raw.readUInt16LE(0x58),
    inodesPerGroup: raw.readUInt32LE(0x28),
    firstInode: raw.readUInt32LE(0x4c) === 0 ? 11 : raw.readUInt32LE(0x54),
    groups: Math.ceil((blocks - firstDataBlock) / Math.max(raw.readUInt32LE(0x20), 1)),
    descriptorSize: bits64 ? raw.readUInt16LE(0xfe) : 32,
    descriptorBlock: firstDataBlock + 1,
  };
  refuseImpossible(disk, superblock, raw, size);
  return superblock;
}

function refuseUnreadable(disk: Disk, raw: Buffer): void {
  const incompatible = raw.readUInt32LE(0x60);
  if (incompatible & INCOMPAT.recover)
    throw disk.damaged('its ext4 was not unmounted: the journal is not replayed');
  const unknown = (incompatible & ~READABLE) >>> 0;
  if (unknown !== 0) throw disk.damaged(`its ext4 has features we cannot read (0x${unknown.toString(16)})`);
  const orphans = raw.readUInt32LE(0xe8) !== 0 || (raw.readUInt32LE(0x64) & RO_ORPHANS_PRESENT) !== 0;
  if (orphans || (raw.readUInt16LE(0x3a) & VALID_STATE) === 0) {
    throw disk.damaged('its ext4 is not clean: a kernel would change it when it mounts');
  }
}

function refuseImpossible(disk: Disk, superblock: Superblock, raw: Buffer, size: number): void {
  const { blockSize, inodeSize, inodesPerGroup, descriptorSize, groups } = superblock;
  const blocksPerGroup = raw.readUInt32LE(0x20);
  const firstDataBlock = raw.readUInt32LE(0x14);
  const facts: readonly [boolean, string][] = [
    [blockSize >= 1024 && blockSize <= 65536, 'block size'],
    [firstDataBlock === (blockSize === 1024 ? 1 : 0), 'first data block'],
    [superblock.blocks > firstDataBlock && superblock.blocks * blockSize <= size, 'number of blocks'],
    [blocksPerGroup >= 256 && blocksPerGroup <= 65536 * 8, 'blocks per group'],
    [inodesPerGroup >= 1 && inodesPerGroup <= blockSize * 8, 'inodes per group'],
    [superblock.inodes === groups * inodesPerGroup, 'number of inodes'],
    [isPowerOfTwo(inodeSize) && inodeSize >= 128 && inodeSize <= blockSize, 'inode size'],
    [isPowerOfTwo(descriptorSize) && descriptorSize >= 32 && descriptorSize <= 1024, 'descriptor size'],
  ];
  const wrong = facts.find(([holds]) => !holds);
  if (wrong !== undefined) throw disk.damaged(`its ext4 names an impossible ${wrong[1]}`);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
