import { type Run, RunList } from '../runs.ts';
import { FLAGS, type Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const EXTENT_MAGIC = 0xf30a;
const DEEPEST_TREE = 5;
const LONGEST_EXTENT = 32768;
const DIRECT_BLOCKS = 12;

/**
 * The runs of a file in ascending order, only those before its end; allocated but unwritten ones are left out
 * since they read as zeros.
 * @throws CheckError for a map that points outside the filesystem, overlaps or loops
 */
export async function runsOf(volume: Volume, inode: Inode): Promise<readonly Run[]> {
  const end = Math.ceil(inode.size / volume.superblock.blockSize);
  if (end > volume.superblock.blocks) {
    throw volume.damaged(`inode ${inode.number} claims ${inode.size} bytes, more than the filesystem has`);
  }
  const runs = new RunList(volume, inode.number, end);
  if (inode.flags & FLAGS.extents) await readExtents(volume, runs, inode.map, undefined, 0);
  else await readBlockMap(volume, runs, inode.map);
  return runs.found;
}

/** @param depth depth that the parent announced; undefined at the root */
async function readExtents(
  volume: Volume,
  runs: RunList,
  node: Buffer,
  depth: number | undefined,
  first: number,
): Promise<void> {
  const entries = node.readUInt16LE(2);
  const height = node.readUInt16LE(6);
  const room = Math.floor((node.length - 12) / 12);
  if (node.readUInt16LE(0) !== EXTENT_MAGIC || entries > room || height > DEEPEST_TREE) throw runs.wrong();
  // An empty inner node could stand there any number of times and cost a walk each.
  if (depth !== undefined && (height !== depth || entries === 0)) throw runs.wrong();
  for (let index = 0; index < entries; index++) {
    const entry = node.subarray(12 + index * 12, 24 + index * 12);
    const logical = entry.readUInt32LE(0);
    if (index === 0 && logical < first) throw runs.wrong();
    if (logical >= runs.end) return;
    if (height === 0) addExtent(runs, entry);
    else await readExtents(volume, runs, await childNode(volume, runs, entry), height - 1, logical);
  }
}

function addExtent(runs: RunList, entry: Buffer): void {
  const length = entry.readUInt16LE(4);
  const written = length <= LONGEST_EXTENT;
  const physical = entry.readUInt16LE(6) * 2 ** 32 + entry.readUInt32LE(8);
  runs.add(entry.readUInt32LE(0), physical, written ? length : length - LONGEST_EXTENT, written);
}

function childNode(volume: Volume, runs: RunList, entry: Buffer): Promise<Buffer> {
  const block = entry.readUInt16LE(8) * 2 ** 32 + entry.readUInt32LE(4);
  if (entry.readUInt32LE(0) < runs.next || !volume.holds(block, 1)) throw runs.wrong();
  return volume.readBlock(block);
}

/** The map of ext2 and ext3: twelve direct blocks, then one, two and three levels of indirection. */
async function readBlockMap(volume: Volume, runs: RunList, map: Buffer): Promise<void> {
  for (let index = 0; index < DIRECT_BLOCKS && index < runs.end; index++)
    addBlock(runs, index, map.readUInt32LE(index * 4));
  const perBlock = volume.superblock.blockSize / 4;
  let logical = DIRECT_BLOCKS;
  for (let level = 1; level <= 3 && logical < runs.end; level++) {
    await readIndirect(volume, runs, map.readUInt32LE((DIRECT_BLOCKS + level - 1) * 4), logical, level);
    logical += perBlock ** level;
  }
}

async function readIndirect(
  volume: Volume,
  runs: RunList,
  block: number,
  logical: number,
  level: number,
): Promise<void> {
  if (block === 0) return;
  if (!volume.holds(block, 1)) throw runs.wrong();
  const pointers = await volume.readBlock(block);
  const step = (volume.superblock.blockSize / 4) ** (level - 1);
  for (let index = 0; index * 4 < pointers.length; index++) {
    const start = logical + index * step;
    if (start >= runs.end) return;
    const pointer = pointers.readUInt32LE(index * 4);
    if (level === 1) addBlock(runs, start, pointer);
    else await readIndirect(volume, runs, pointer, start, level - 1);
  }
}

function addBlock(runs: RunList, logical: number, physical: number): void {
  if (physical !== 0) runs.add(logical, physical, 1, true);
}
