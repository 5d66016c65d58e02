import { crc32 } from './crc32.ts';
import { type Disk, SECTOR } from './disk.ts';
import { isProtective, isSigned } from './mbr.ts';

/** The specification asks for room for 128; more than this comes from a hostile count. */
const MOST_ENTRIES = 1024;
const UNUSED = '00000000-0000-0000-0000-000000000000';

export const PARTITION_TYPES = {
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  efiSystem: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  linuxRootAmd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
} as const;

export interface Partition {
  /** Counted from 1, as the kernel and sfdisk do. */
  readonly number: number;
  /** Lower-case GUIDs. */
  readonly type: string;
  readonly guid: string;
  readonly name: string;
  readonly firstLba: number;
  /** Inclusive. */
  readonly lastLba: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  readonly size: number;
}

export interface PartitionTable {
  readonly diskGuid: string;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  /** In the order of their numbers. */
  readonly partitions: readonly Partition[];
}

interface Header {
  readonly currentLba: number;
  readonly otherLba: number;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  readonly diskGuid: string;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entrySize: number;
  readonly entriesCrc: number;
}

/**
 * Reads a GPT and its backup. Both copies must be whole and agree: a finished image has no excuse.
 * @throws CheckError when there is none, when a checksum is wrong, or when partitions overlap
 */
export async function readGpt(disk: Disk): Promise<PartitionTable> {
  const mbr = await disk.read(0, SECTOR);
  if (!isSigned(mbr)) throw disk.damaged('no partition table, its first sector is unsigned');
  if (!isProtective(mbr)) throw disk.damaged('its partition table is not a GPT');
  const header = await readHeader(disk, 1);
  const entries = await readEntries(disk, header);
  const backup = await readHeader(disk, header.otherLba);
  if (header.otherLba === 1 || backup.otherLba !== 1) throw disk.damaged('the GPT has no backup');
  await readEntries(disk, backup);
  if (backup.entriesCrc !== header.entriesCrc || backup.diskGuid !== header.diskGuid) {
    throw disk.damaged('the GPT and its backup differ');
  }
  const partitions = parseEntries(disk, header, entries);
  refuseOverlap(disk, partitions);
  const { diskGuid, firstUsableLba, lastUsableLba } = header;
  return { diskGuid, firstUsableLba, lastUsableLba, partitions };
}

async function readHeader(disk: Disk, lba: number): Promise<Header> {
  const which = lba === 1 ? 'GPT header' : 'backup GPT header';
  if ((lba + 1) * SECTOR > disk.size) {
    throw disk.damaged(`the ${which} should be at sector ${lba}, beyond the end: the image is truncated`);
  }
  const sector = Buffer.from(await disk.read(lba * SECTOR, SECTOR));
  const headerSize = sector.readUInt32LE(12);
  if (sector.toString('latin1', 0, 8) !== 'EFI PART') throw disk.damaged(`there is no ${which}`);
  if (headerSize < 92 || headerSize > SECTOR) throw disk.damaged(`the ${which} has a wrong size`);
  const checksum = sector.readUInt32LE(16);
  sector.writeUInt32LE(0, 16);
  if (crc32(sector.subarray(0, headerSize)) !== checksum)
    throw disk.damaged(`wrong checksum of the ${which}`);
  const header: Header = {
    currentLba: lbaAt(disk, sector, 24),
    otherLba: lbaAt(disk, sector, 32),
    firstUsableLba: lbaAt(disk, sector, 40),
    lastUsableLba: lbaAt(disk, sector, 48),
    diskGuid: guidAt(sector, 56),
    entriesLba: lbaAt(disk, sector, 72),
    entryCount: sector.readUInt32LE(80),
    entrySize: sector.readUInt32LE(84),
    entriesCrc: sector.readUInt32LE(88),
  };
  if (header.currentLba !== lba) throw disk.damaged(`the ${which} says that it is elsewhere`);
  return header;
}

async function readEntries(disk: Disk, header: Header): Promise<Buffer> {
  const { entryCount, entrySize } = header;
  if (entryCount > MOST_ENTRIES || entrySize < 128 || entrySize > 4096 || entrySize % 8 !== 0) {
    throw disk.damaged(`the GPT counts ${entryCount} entries of ${entrySize} bytes`);
  }
  const entries = await disk.read(header.entriesLba * SECTOR, entryCount * entrySize);
  if (crc32(entries) !== header.entriesCrc) throw disk.damaged('wrong checksum of the GPT entries');
  return entries;
}

function parseEntries(disk: Disk, header: Header, entries: Buffer): Partition[] {
  const partitions: Partition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const entry = entries.subarray(index * header.entrySize, (index + 1) * header.entrySize);
    if (guidAt(entry, 0) !== UNUSED) partitions.push(parseEntry(disk, header, entry, index + 1));
  }
  return partitions;
}

function parseEntry(disk: Disk, header: Header, entry: Buffer, number: number): Partition {
  const firstLba = lbaAt(disk, entry, 32);
  const lastLba = lbaAt(disk, entry, 40);
  if (firstLba < header.firstUsableLba || lastLba > header.lastUsableLba || lastLba < firstLba) {
    throw disk.damaged(
      `partition ${number} spans sectors ${firstLba} to ${lastLba}, outside of the GPT's own`,
    );
  }
  const offset = firstLba * SECTOR;
  const size = (lastLba - firstLba + 1) * SECTOR;
  if (offset + size > disk.size)
    throw disk.damaged(`partition ${number} ends beyond the disk: it is truncated`);
  const name = entry.toString('utf16le', 56, 128).replace(/\0.*$/su, '');
  return { number, type: guidAt(entry, 0), guid: guidAt(entry, 16), name, firstLba, lastLba, offset, size };
}

function refuseOverlap(disk: Disk, partitions: readonly Partition[]): void {
  const sorted = [...partitions].sort((a, b) => a.firstLba - b.firstLba);
  sorted.reduce<Partition | undefined>((before, next) => {
    if (before !== undefined && next.firstLba <= before.lastLba) {
      throw disk.damaged(`partitions ${before.number} and ${next.number} overlap`);
    }
    return next;
  }, undefined);
}

function lbaAt(disk: Disk, buffer: Buffer, offset: number): number {
  const lba = buffer.readBigUInt64LE(offset);
  if (lba > BigInt(Number.MAX_SAFE_INTEGER) / 4096n) throw disk.damaged('the GPT names an impossible sector');
  return Number(lba);
}

/** The first three fields of a GUID are little-endian on disk. */
function guidAt(buffer: Buffer, offset: number): string {
  const hex = (...order: number[]) =>
    order.map(at => buffer.toString('hex', offset + at, offset + at + 1)).join('');
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join('-');
}
