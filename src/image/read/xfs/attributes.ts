import { ACCESS_LIST, type AccessEntry, DEFAULT_LIST, encodeAccessList } from '../access-list.ts';
import { decodeName } from '../names.ts';
import type { Run } from '../runs.ts';
import { parseLeaf, parseShort, type StoredAttribute } from './attribute-list.ts';
import { type ForkOf, runsOf } from './extents.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const LEAF = 0x3bee;
const NODE = 0x3ebe;
const NODE_HEADER = 64;
const DEEPEST = 5;
const REMOTE = 0x5841524d;
const REMOTE_HEADER = 56;
/** Bytes of one value, as the kernel has it. */
const LONGEST_VALUE = 65_536;
/** Blocks: as far as the numbers in a fork of attributes go. */
const END = 2 ** 32;
const LISTS: Readonly<Record<string, string>> = {
  'trusted.SGI_ACL_FILE': ACCESS_LIST,
  'trusted.SGI_ACL_DEFAULT': DEFAULT_LIST,
};

/** See InodeFilesystem. */
export async function attributesOf(volume: Volume, inode: Inode): Promise<Map<string, Buffer>> {
  const fork = inode.attributes;
  const found = new Map<string, Buffer>();
  if (fork === undefined || (fork.format === 'extents' && fork.extents === 0)) return found;
  const blocks =
    fork.format === 'local' ? undefined : await AttributeBlocks.of(volume, { inode: inode.number, fork });
  const stored = blocks === undefined ? parseShort(fork.body) : await blocks.leaves();
  if (stored === undefined) throw wrong(volume, inode.number);
  for (const attribute of stored) {
    const full = attribute.namespace + decodeName(attribute.name);
    const name = LISTS[full] ?? full;
    const value = attribute.value ?? (await blocks?.remote(attribute));
    const told = name === full ? value : value && accessList(value);
    if (told === undefined || found.has(name)) throw wrong(volume, inode.number);
    found.set(name, told);
  }
  return found;
}

function wrong(volume: Volume, inode: number): Error {
  return volume.damaged(`inode ${inode} has damaged extended attributes`);
}

/** The blocks of a fork by their numbers in it. */
class AttributeBlocks {
  readonly #volume: Volume;
  readonly #inode: number;
  readonly #runs: readonly Run[];

  constructor(volume: Volume, inode: number, runs: readonly Run[]) {
    this.#volume = volume;
    this.#inode = inode;
    this.#runs = runs;
  }

  static async of(volume: Volume, fork: ForkOf): Promise<AttributeBlocks> {
    return new AttributeBlocks(volume, fork.inode, await runsOf(volume, fork, END));
  }

  async leaves(): Promise<StoredAttribute[]> {
    const found: StoredAttribute[] = [];
    const most = this.#runs.reduce((all, { count }) => all + count, 0);
    let next = await this.#firstLeaf();
    for (let count = 0; count === 0 || next !== 0; count++) {
      if (count > most) throw this.#wrong();
      const block = await this.#read(next);
      const stored = block.readUInt16BE(8) === LEAF ? parseLeaf(block) : undefined;
      if (stored === undefined) throw this.#wrong();
      found.push(...stored);
      next = block.readUInt32BE(0);
    }
    return found;
  }

  /** A value of more than a leaf takes, in blocks of its own. */
  async remote({ size, block }: StoredAttribute): Promise<Buffer> {
    if (size > LONGEST_VALUE) throw this.#wrong();
    const pieces: Buffer[] = [];
    for (let [at, number] = [0, block]; at < size; number++) {
      const piece = await this.#read(number);
      const length = Math.min(size - at, piece.length - REMOTE_HEADER);
      const isNext = piece.readUInt32BE(0) === REMOTE && piece.readUInt32BE(4) === at;
      if (!isNext || piece.readUInt32BE(8) !== length) throw this.#wrong();
      pieces.push(piece.subarray(REMOTE_HEADER, REMOTE_HEADER + length));
      at += length;
    }
    return Buffer.concat(pieces);
  }

  /** The leftmost one: leaves are chained. */
  async #firstLeaf(): Promise<number> {
    let number = 0;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const block = await this.#read(number);
      if (block.readUInt16BE(8) !== NODE) return number;
      if (block.readUInt16BE(56) === 0) throw this.#wrong();
      number = block.readUInt32BE(NODE_HEADER + 4);
    }
    throw this.#wrong();
  }

  #read(number: number): Promise<Buffer> {
    const run = this.#runs.find(({ logical, count }) => number >= logical && number < logical + count);
    if (run === undefined) throw this.#wrong();
    return this.#volume.readBlock(run.physical + number - run.logical);
  }

  #wrong(): Error {
    return wrong(this.#volume, this.#inode);
  }
}

/** A list as XFS keeps it: a count, then entries of tag, id and rights. */
function accessList(value: Buffer): Buffer | undefined {
  const count = value.length < 4 ? Number.NaN : value.readUInt32BE(0);
  if (value.length !== 4 + count * 12) return undefined;
  const entry = (at: number): AccessEntry => ({
    ...{ tag: value.readUInt32BE(at), id: value.readUInt32BE(at + 4), rights: value.readUInt16BE(at + 8) },
  });
  return encodeAccessList(Array.from({ length: count }, (_, index) => entry(4 + index * 12)));
}
