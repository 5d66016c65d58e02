import type { CheckError } from '../../host/errors.ts';

/** What is common to the ways in which filesystems lay files out in blocks. */

const CHUNK = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK);
export const LONGEST_TARGET = 4096;
/** Bytes; room for a hundred thousand long names, far more than any package brings. */
export const LARGEST_DIRECTORY = 16 * 1024 * 1024;

/** A run of blocks of a file. Between runs are holes, which read as zeros. */
export interface Run {
  /** Block number within the file. */
  readonly logical: number;
  readonly physical: number;
  readonly count: number;
}

/** The blocks of a filesystem. */
interface Blocks {
  /** Whether a run of blocks lies in the filesystem and not on its superblock. */
  holds(block: number, count: number): boolean;
  damaged(what: string): CheckError;
}

/** Collects runs and holds every rule about their order and place. */
export class RunList {
  readonly #blocks: Blocks;
  readonly end: number;
  readonly found: Run[] = [];
  readonly #inode: number;
  #next = 0;

  constructor(blocks: Blocks, inode: number, end: number) {
    this.#blocks = blocks;
    this.end = end;
    this.#inode = inode;
  }

  add(logical: number, physical: number, count: number, written: boolean): void {
    if (logical < this.#next || !this.#blocks.holds(physical, count)) throw this.wrong();
    this.#next = logical + count;
    const before = this.found.at(-1);
    const used = Math.min(count, this.end - logical);
    if (!written || used <= 0) return;
    if (before && before.logical + before.count === logical && before.physical + before.count === physical) {
      this.found[this.found.length - 1] = { ...before, count: before.count + used };
    } else this.found.push({ logical, physical, count: used });
  }

  /** First block of the file that no run covers yet. */
  get next(): number {
    return this.#next;
  }

  wrong(): Error {
    return this.#blocks.damaged(`inode ${this.#inode} has a damaged block map`);
  }
}

/** The bytes of a file, holes as zeros, in pieces of at most 1 MiB. @param size bytes */
export async function* runContent(
  runs: readonly Run[],
  size: number,
  blocks: {
    readonly blockSize: number;
    read(block: number, offset: number, length: number): Promise<Buffer>;
  },
): AsyncGenerator<Buffer, void, undefined> {
  let at = 0;
  for (const { logical, physical, count } of runs) {
    const start = logical * blocks.blockSize;
    const end = Math.min(start + count * blocks.blockSize, size);
    yield* zeros(start - at);
    for (let from = start; from < end; from += CHUNK) {
      yield await blocks.read(physical, from - start, Math.min(CHUNK, end - from));
    }
    at = end;
  }
  yield* zeros(size - at);
}

export function* zeros(length: number): Generator<Buffer, void, undefined> {
  for (let rest = length; rest > 0; rest -= CHUNK) yield ZEROS.subarray(0, Math.min(CHUNK, rest));
}

/** All that may be read of one filesystem: blocks that many files share cannot keep us busy. */
export class Budget {
  readonly #blocks: Pick<Blocks, 'damaged'>;
  #left: number;

  /** @param size of the filesystem, bytes */
  constructor(blocks: Pick<Blocks, 'damaged'>, size: number) {
    this.#blocks = blocks;
    this.#left = 16 * size + 64 * CHUNK;
  }

  /** @throws CheckError when it is used up */
  charge(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw this.#blocks.damaged('its files add up to many times its size');
  }
}
