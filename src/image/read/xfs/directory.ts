import type { DirectoryEntry } from '../filesystem.ts';
import { decodeName } from '../names.ts';
import type { Volume } from './volume.ts';

/** A block with entries and their index, and one with entries alone. */
const SINGLE = 0x58444233;
const DATA = 0x58444433;
const HEADER = 64;
const UNUSED = 0xffff;

/** Behind this byte of a directory its index begins, which says nothing new. */
export const INDEX_START = 2 ** 35;

/** Entries that stand in the inode itself. */
export function parseShort(volume: Volume, body: Buffer): DirectoryEntry[] {
  const reader = new EntryReader(volume, body);
  const count = reader.take(1).readUInt8(0);
  const wide = reader.take(1).readUInt8(0) > 0;
  const number = () => (wide ? Number(reader.take(8).readBigUInt64BE(0)) : reader.take(4).readUInt32BE(0));
  number();
  return Array.from({ length: count }, () => {
    const length = reader.take(1).readUInt8(0);
    reader.take(2);
    const name = reader.name(length);
    reader.take(1);
    return { name, inode: number() };
  });
}

/** Entries of one block. */
export function parseBlock(volume: Volume, block: Buffer): DirectoryEntry[] {
  const magic = block.readUInt32BE(0);
  if (magic !== SINGLE && magic !== DATA) throw damaged(volume);
  const end = magic === SINGLE ? indexStart(volume, block) : block.length;
  const entries: DirectoryEntry[] = [];
  for (let at = HEADER; at < end; ) {
    const reader = new EntryReader(volume, block.subarray(at, end));
    if (reader.take(2).readUInt16BE(0) === UNUSED) {
      const length = reader.take(2).readUInt16BE(0);
      if (length === 0 || length % 8 !== 0 || at + length > end) throw damaged(volume);
      at += length;
      continue;
    }
    const whole = new EntryReader(volume, block.subarray(at, end));
    const inode = Number(whole.take(8).readBigUInt64BE(0));
    const length = whole.take(1).readUInt8(0);
    entries.push({ name: whole.name(length), inode });
    // File type and tag follow, at the next multiple of eight.
    at += Math.ceil((8 + 1 + length + 1 + 2) / 8) * 8;
    if (at > end) throw damaged(volume);
  }
  return entries;
}

/** The index of a single block ends with the number of its rows. */
function indexStart(volume: Volume, block: Buffer): number {
  const start = block.length - 8 - block.readUInt32BE(block.length - 8) * 8;
  if (start < HEADER) throw damaged(volume);
  return start;
}

class EntryReader {
  readonly #volume: Volume;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(volume: Volume, bytes: Buffer) {
    this.#volume = volume;
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw damaged(this.#volume);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  name(length: number): string {
    const bytes = this.take(length);
    if (length === 0 || bytes.includes(0) || bytes.includes(0x2f)) {
      throw this.#volume.damaged('a directory has an entry with an impossible name');
    }
    return decodeName(bytes);
  }
}

function damaged(volume: Volume): Error {
  return volume.damaged('a directory has a damaged entry');
}
