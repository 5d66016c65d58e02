import type { DirectoryEntry } from '../filesystem.ts';
import { decodeName } from '../names.ts';
import type { Volume } from './volume.ts';

const HEADER = 8;

/**
 * Entries of one linear piece of a directory: a block, or one of the two parts of an inline directory. An
 * htree directory reads the same way, since its index hides in entries of inode 0.
 */
export function parseEntries(volume: Volume, piece: Buffer): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  let at = 0;
  while (at < piece.length) {
    if (at + HEADER > piece.length) throw volume.damaged('a directory has a damaged entry');
    const inode = piece.readUInt32LE(at);
    const length = recordLength(piece.readUInt16LE(at + 4));
    const nameLength = piece.readUInt8(at + 6);
    if (length < HEADER + nameLength || length % 4 !== 0 || at + length > piece.length) {
      throw volume.damaged('a directory has a damaged entry');
    }
    if (inode !== 0) entries.push({ name: nameAt(volume, piece, at + HEADER, nameLength), inode });
    at += length;
  }
  return entries;
}

/** Blocks of 64 KiB do not fit into 16 bits: both ends of the range stand for them. */
function recordLength(stored: number): number {
  return stored === 0xffff || stored === 0 ? 65536 : stored;
}

function nameAt(volume: Volume, piece: Buffer, at: number, length: number): string {
  const bytes = piece.subarray(at, at + length);
  if (length === 0 || bytes.includes(0) || bytes.includes(0x2f)) {
    throw volume.damaged('a directory has an entry with an impossible name');
  }
  return decodeName(bytes);
}
