import { ACCESS_LIST, DEFAULT_LIST, encodeAccessList } from '../access-list.ts';
import { decodeName } from '../names.ts';
import { parseAccessList } from './access-list.ts';
import { BASE_INODE_SIZE, extraSize, type Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const MAGIC = 0xea020000;
const BLOCK_HEADER = 32;
const PREFIXES: Readonly<Record<number, string>> = {
  1: 'user.',
  2: ACCESS_LIST,
  3: DEFAULT_LIST,
  4: 'trusted.',
  6: 'security.',
  7: 'system.',
  8: 'system.richacl',
};
/** Where inline data keeps what does not fit into the inode's map; not an attribute anyone can list. */
export const INLINE_DATA = 'system.data';

/**
 * Extended attributes by full name, such as `security.capability`, with the values that a guest is told.
 */
export async function storedAttributes(volume: Volume, inode: Inode): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const start = BASE_INODE_SIZE + extraSize(inode.raw);
  if (start + 4 <= inode.raw.length && inode.raw.readUInt32LE(start) === MAGIC) {
    const body = inode.raw.subarray(start + 4);
    readEntries(volume, inode, body, body, found);
  }
  if (inode.attributeBlock !== 0) {
    const block = await attributeBlock(volume, inode);
    readEntries(volume, inode, block.subarray(BLOCK_HEADER), block, found);
  }
  return found;
}

async function attributeBlock(volume: Volume, inode: Inode): Promise<Buffer> {
  if (!volume.holds(inode.attributeBlock, 1)) throw wrong(volume, inode);
  const block = await volume.readBlock(inode.attributeBlock);
  if (block.readUInt32LE(0) !== MAGIC || block.readUInt32LE(8) !== 1) throw wrong(volume, inode);
  return block;
}

/** @param values where the offsets of values count from */
function readEntries(
  volume: Volume,
  inode: Inode,
  list: Buffer,
  values: Buffer,
  found: Map<string, Buffer>,
): void {
  let at = 0;
  while (at + 4 <= list.length && list.readUInt32LE(at) !== 0) {
    if (at + 16 > list.length) throw wrong(volume, inode);
    const nameEnd = at + 16 + list.readUInt8(at);
    const prefix = PREFIXES[list.readUInt8(at + 1)];
    const offset = list.readUInt16LE(at + 2);
    const size = list.readUInt32LE(at + 8);
    const elsewhere = list.readUInt32LE(at + 4) !== 0;
    if (prefix === undefined || elsewhere || nameEnd > list.length || offset + size > values.length) {
      throw wrong(volume, inode);
    }
    const name = prefix + decodeName(list.subarray(at + 16, nameEnd));
    if (found.has(name)) throw wrong(volume, inode);
    const value = toldValue(name, values.subarray(offset, offset + size));
    if (value === undefined) throw wrong(volume, inode);
    found.set(name, value);
    at = nameEnd + ((4 - (nameEnd % 4)) % 4);
  }
}

function toldValue(name: string, stored: Buffer): Buffer | undefined {
  if (name !== ACCESS_LIST && name !== DEFAULT_LIST) return stored;
  const entries = parseAccessList(stored);
  return entries && encodeAccessList(entries);
}

function wrong(volume: Volume, inode: Inode): Error {
  return volume.damaged(`inode ${inode.number} has damaged extended attributes`);
}
