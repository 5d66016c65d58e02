import type { Disk } from '../disk.ts';
import { decodeName } from '../names.ts';
import { attributesOf, INLINE_DATA } from './attributes.ts';
import { type Run, runsOf } from './blocks.ts';
import { type DirectoryEntry, parseEntries, sortEntries } from './directory.ts';
import { deviceOf, type EntryType, FLAGS, type Inode, ROOT_INODE, readInode, type Time } from './inode.ts';
import type { Superblock } from './superblock.ts';
import { Volume } from './volume.ts';

export type { EntryType, Time } from './inode.ts';

const LONGEST_TARGET = 4096;
const LONGEST_PATH = 4096;
const MOST_LINKS_FOLLOWED = 40;
const MOST_ENTRIES = 2_000_000;
/** Bytes; room for a hundred thousand long names, far more than any package brings. */
const LARGEST_DIRECTORY = 16 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK);

/** One name in the tree. Names are text as `decodeName` makes it. */
export interface Entry {
  /** Absolute in the image: `/etc/fstab`. */
  readonly path: string;
  readonly inode: number;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Number of names the inode has. */
  readonly links: number;
  readonly mtime: Time;
  /** Only for symlinks. */
  readonly target?: string;
  /** Only for device nodes. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes as they are on disk, sorted by name. */
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/**
 * Reads an ext2, ext3 or ext4 filesystem without mounting it. Its bytes are untrusted: every number is checked, and
 * the total that may be read is bounded, so that blocks shared by many files cannot keep us busy.
 */
export class Ext4 {
  readonly superblock: Superblock;
  readonly #volume: Volume;
  #budget: number;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.superblock = volume.superblock;
    this.#budget = 16 * this.superblock.blocks * this.superblock.blockSize + 64 * CHUNK;
  }

  /**
   * @param offset where the filesystem starts on the disk, bytes
   * @param size room it has there, bytes
   * @throws CheckError when it is not a clean filesystem that we can read
   */
  static async open(disk: Disk, offset: number, size: number): Promise<Ext4> {
    return new Ext4(await Volume.open({ disk, offset, size }));
  }

  /**
   * What stands at a path, the last symlink not followed; symlinks on the way are followed inside the image.
   * @returns undefined when there is nothing
   */
  async stat(path: string): Promise<Entry | undefined> {
    const found = await this.#resolve(path, false);
    return found && this.#entry(found.path, found.inode);
  }

  /** Like stat, with the last symlink followed too, inside the image. */
  async statFollowed(path: string): Promise<Entry | undefined> {
    const found = await this.#resolve(path, true);
    return found && this.#entry(found.path, found.inode);
  }

  /**
   * The content of a regular file, symlinks followed inside the image.
   * @param limit largest size that is taken, bytes
   * @returns undefined when there is no such file
   * @throws CheckError when it is larger, or no regular file
   */
  async readFile(path: string, limit: number): Promise<Buffer | undefined> {
    const found = await this.#resolve(path, true);
    if (found === undefined) return undefined;
    if (found.inode.type !== 'file')
      throw this.#volume.damaged(`${path} is a ${found.inode.type}, not a file`);
    return this.#content(found.inode, limit);
  }

  /** Sorted names in a directory, symlinks followed inside the image; undefined when there is no directory. */
  async list(path: string): Promise<string[] | undefined> {
    const found = await this.#resolve(path, true);
    if (found?.inode.type !== 'directory') return undefined;
    return (await this.#entries(found.inode)).map(entry => entry.name);
  }

  /** The content of a regular file as `walk` named it, in pieces of at most 1 MiB. */
  async *read(entry: Pick<Entry, 'inode'>): AsyncGenerator<Buffer, void, undefined> {
    yield* this.#pieces(await readInode(this.#volume, entry.inode));
  }

  /**
   * Everything below a directory, the directory first, then depth first in the order of names; symlinks are
   * not followed.
   * @throws CheckError when a directory has two places, or the tree is larger than any real one
   */
  async *walk(): AsyncGenerator<Entry, void, undefined> {
    const seen = new Set<number>();
    const waiting: { path: string; inode: number }[] = [{ path: '/', inode: ROOT_INODE }];
    let named = 1;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const inode = await readInode(this.#volume, next.inode);
      yield await this.#entry(next.path, inode);
      if (inode.type !== 'directory') continue;
      if (seen.has(inode.number)) throw this.#volume.damaged(`the directory ${next.path} has a second place`);
      seen.add(inode.number);
      const base = next.path === '/' ? '' : next.path;
      if (base.length > LONGEST_PATH)
        throw this.#volume.damaged('its directories are deeper than a path can be');
      const entries = await this.#entries(inode);
      named += entries.length;
      if (named > MOST_ENTRIES) throw this.#volume.damaged(`it names more than ${MOST_ENTRIES} files`);
      for (const entry of entries.reverse())
        waiting.push({ path: `${base}/${entry.name}`, inode: entry.inode });
    }
  }

  async #entry(path: string, inode: Inode): Promise<Entry> {
    const attributes = await attributesOf(this.#volume, inode);
    attributes.delete(INLINE_DATA);
    const { number, type, mode, uid, gid, size, links, mtime } = inode;
    return {
      ...{ path, inode: number, type, mode, uid, gid, size, links, mtime },
      ...(type === 'symlink' ? { target: await this.#target(inode) } : {}),
      ...(type === 'character' || type === 'block' ? { device: deviceOf(inode) } : {}),
      attributes: new Map([...attributes].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  /** Finds the inode of a path as a process in the guest would, `..` and symlinks included. */
  async #resolve(path: string, followLast: boolean): Promise<{ path: string; inode: Inode } | undefined> {
    const rest = split(path).reverse();
    const trail: { name: string; inode: Inode }[] = [];
    const root = await readInode(this.#volume, ROOT_INODE);
    let followed = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const here = trail.at(-1)?.inode ?? root;
      if (here.type !== 'directory') return undefined;
      if (name === '..') trail.pop();
      if (name === '..') continue;
      const found = (await this.#entries(here)).find(entry => entry.name === name);
      if (found === undefined) return undefined;
      const inode = await readInode(this.#volume, found.inode);
      if (inode.type !== 'symlink' || (rest.length === 0 && !followLast)) {
        trail.push({ name, inode });
        continue;
      }
      if (++followed > MOST_LINKS_FOLLOWED) return undefined;
      const target = await this.#target(inode);
      if (target.startsWith('/')) trail.length = 0;
      rest.push(...split(target).reverse());
    }
    return { path: `/${trail.map(step => step.name).join('/')}`, inode: trail.at(-1)?.inode ?? root };
  }

  async #entries(inode: Inode): Promise<DirectoryEntry[]> {
    const volume = this.#volume;
    if (inode.flags & FLAGS.inlineData) {
      // The parent's number comes first, and there are no entries for `.` and `..`.
      const rest = (await attributesOf(volume, inode)).get(INLINE_DATA) ?? Buffer.alloc(0);
      return sortEntries(volume, [
        ...parseEntries(volume, inode.map.subarray(4)),
        ...parseEntries(volume, rest),
      ]);
    }
    const { blockSize } = this.superblock;
    if (inode.size % blockSize !== 0 || inode.size > LARGEST_DIRECTORY)
      throw volume.damaged(`the directory ${inode.number} has a wrong size`);
    const entries: DirectoryEntry[] = [];
    for await (const piece of this.#pieces(inode)) {
      for (let at = 0; at < piece.length; at += blockSize) {
        for (const entry of parseEntries(volume, piece.subarray(at, at + blockSize))) entries.push(entry);
      }
    }
    return sortEntries(volume, entries);
  }

  async #target(inode: Inode): Promise<string> {
    const { blockSize } = this.superblock;
    const outside = inode.charged - (inode.attributeBlock === 0 ? 0 : blockSize / 512);
    const inside = (inode.flags & FLAGS.inlineData) === 0 && outside === 0;
    if (inode.size === 0 || (inside && inode.size >= inode.map.length)) {
      throw this.#volume.damaged(`the symlink ${inode.number} has a wrong length`);
    }
    const target = inside ? inode.map.subarray(0, inode.size) : await this.#content(inode, LONGEST_TARGET);
    return decodeName(target);
  }

  async #content(inode: Inode, limit: number): Promise<Buffer> {
    if (inode.size > limit) {
      throw this.#volume.damaged(
        `inode ${inode.number} has ${inode.size} bytes, more than the ${limit} expected there`,
      );
    }
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(inode)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *#pieces(inode: Inode): AsyncGenerator<Buffer, void, undefined> {
    this.#charge(inode.size);
    if (inode.flags & FLAGS.inlineData) return yield* this.#inline(inode);
    const { blockSize } = this.superblock;
    let at = 0;
    for (const run of await runsOf(this.#volume, inode)) {
      yield* zeros(run.logical * blockSize - at);
      const end = Math.min((run.logical + run.count) * blockSize, inode.size);
      yield* this.#run(run, end);
      at = end;
    }
    yield* zeros(inode.size - at);
  }

  /** @param end where the file's bytes end within the run, counted from the start of the file */
  async *#run(run: Run, end: number): AsyncGenerator<Buffer, void, undefined> {
    const length = end - run.logical * this.superblock.blockSize;
    for (let at = 0; at < length; at += CHUNK) {
      yield await this.#volume.read(run.physical, at, Math.min(CHUNK, length - at));
    }
  }

  /** As the kernel does, it reads zeros behind the data: mke2fs leaves out what is only zeros. */
  async *#inline(inode: Inode): AsyncGenerator<Buffer, void, undefined> {
    const rest = (await attributesOf(this.#volume, inode)).get(INLINE_DATA) ?? Buffer.alloc(0);
    const all = Buffer.concat([inode.map, rest]).subarray(0, inode.size);
    yield all;
    yield* zeros(inode.size - all.length);
  }

  #charge(bytes: number): void {
    this.#budget -= bytes;
    if (this.#budget < 0) throw this.#volume.damaged('its files add up to many times its size');
  }
}

function* zeros(length: number): Generator<Buffer, void, undefined> {
  for (let rest = length; rest > 0; rest -= CHUNK) yield ZEROS.subarray(0, Math.min(CHUNK, rest));
}

function split(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}
