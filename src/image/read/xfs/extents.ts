import { type Run, RunList } from '../runs.ts';
import type { Fork } from './inode.ts';
import type { Volume } from './volume.ts';

const RECORD = 16;
const DEEPEST_TREE = 8;
const NODE_MAGIC = 0x424d4133;
const NODE_HEADER = 72;

/** A fork whose blocks are asked for, and the number of its inode. */
export interface ForkOf {
  readonly inode: number;
  readonly fork: Fork;
}

/**
 * The runs of a fork in ascending order, only those before `end`; what is allocated and not written is left out, since
 * it reads as zeros.
 * @param end in blocks
 * @throws CheckError for a map that points outside the filesystem, overlaps or loops
 */
export async function runsOf(volume: Volume, { inode, fork }: ForkOf, end: number): Promise<readonly Run[]> {
  const runs = new RunList(volume, inode, end);
  if (fork.format === 'extents') addRecords(volume, runs, fork.body, fork.extents);
  else if (fork.format === 'tree') await readRoot(volume, runs, fork.body);
  else throw runs.wrong();
  return runs.found;
}

function addRecords(volume: Volume, runs: RunList, records: Buffer, count: number): void {
  if (count * RECORD > records.length) throw runs.wrong();
  for (let at = 0; at < count * RECORD; at += RECORD) {
    const [high, low] = [records.readBigUInt64BE(at), records.readBigUInt64BE(at + 8)];
    const isWritten = high >> 63n === 0n;
    const logical = Number((high >> 9n) & ((1n << 54n) - 1n));
    if (logical >= runs.end) return;
    const physical = volume.block(((high & 0x1ffn) << 43n) | (low >> 21n));
    runs.add(logical, physical, Number(low & ((1n << 21n) - 1n)), isWritten);
  }
}

/** The root in an inode has no header of a block: level, number of records, keys, then pointers. */
async function readRoot(volume: Volume, runs: RunList, body: Buffer): Promise<void> {
  const [level, count] = [body.readUInt16BE(0), body.readUInt16BE(2)];
  const room = Math.floor((body.length - 4) / RECORD);
  if (level === 0 || level > DEEPEST_TREE || count === 0 || count > room) throw runs.wrong();
  for (let index = 0; index < count; index++) {
    const child = body.readBigUInt64BE(4 + room * 8 + index * 8);
    await readNode(volume, runs, child, level - 1);
  }
}

async function readNode(volume: Volume, runs: RunList, stored: bigint, level: number): Promise<void> {
  if (runs.next >= runs.end) return;
  const node = await volume.readBlock(volume.block(stored));
  const count = node.readUInt16BE(6);
  const room = Math.floor((node.length - NODE_HEADER) / RECORD);
  // An empty node could stand there any number of times and cost a look each.
  const isNode = node.readUInt32BE(0) === NODE_MAGIC && node.readUInt16BE(4) === level;
  if (!isNode || count === 0 || count > room) throw runs.wrong();
  if (level === 0) return addRecords(volume, runs, node.subarray(NODE_HEADER), count);
  for (let index = 0; index < count; index++) {
    const before = runs.next;
    await readNode(volume, runs, node.readBigUInt64BE(NODE_HEADER + room * 8 + index * 8), level - 1);
    if (runs.next === before && runs.next < runs.end) throw runs.wrong();
  }
}
