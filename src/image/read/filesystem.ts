import type { CheckError } from '../../host/errors.ts';
import { compareText } from './names.ts';

const LONGEST_PATH = 4096;
const MOST_LINKS_FOLLOWED = 40;
const MOST_ENTRIES = 2_000_000;

export type EntryType = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';

export interface Time {
  /** Since 1970, may be negative. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What every kind of filesystem keeps of a file. */
export interface Inode {
  readonly number: number;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Number of names it has. */
  readonly links: number;
  readonly mtime: Time;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly inode: number;
}

/** One name in the tree. Names are text as `decodeName` makes it. */
export interface Entry extends Omit<Inode, 'number'> {
  /** Absolute in the image: `/etc/fstab`. */
  readonly path: string;
  readonly inode: number;
  /** Only for symlinks. */
  readonly target?: string;
  /** Only for device nodes. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes as they are on disk, sorted by name. */
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/** A filesystem that is read without mounting it. */
export type Filesystem = Pick<
  InodeFilesystem<Inode>,
  'stat' | 'statFollowed' | 'readFile' | 'list' | 'read' | 'walk'
>;

/**
 * Paths and trees, for every kind of filesystem that has directories and inodes. Its bytes are untrusted: what a
 * kind of its own gives has been checked, and the loops that are left are bounded here.
 */
export abstract class InodeFilesystem<I extends Inode> {
  protected abstract readonly rootInode: number;
  protected abstract damaged(what: string): CheckError;
  /** @throws CheckError when it is not in use, or of a form that is not read */
  protected abstract inodeOf(number: number): Promise<I>;
  /** Without `.` and `..`, sorted. */
  protected abstract entriesOf(directory: I): Promise<DirectoryEntry[]>;
  protected abstract targetOf(symlink: I): Promise<string>;
  /** By full name, such as `security.capability`, with the values that a guest is told. */
  protected abstract attributesOf(inode: I): Promise<Map<string, Buffer>>;
  protected abstract deviceOf(inode: I): { readonly major: number; readonly minor: number };
  /** The content in pieces of at most 1 MiB; all of what is read is bounded. */
  protected abstract piecesOf(inode: I): AsyncGenerator<Buffer, void, undefined>;

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
    if (found.inode.type !== 'file') throw this.damaged(`${path} is a ${found.inode.type}, not a file`);
    return this.contentOf(found.inode, limit);
  }

  /** Sorted names in a directory, symlinks followed inside the image; undefined when there is no directory. */
  async list(path: string): Promise<string[] | undefined> {
    const found = await this.#resolve(path, true);
    if (found?.inode.type !== 'directory') return undefined;
    return (await this.entriesOf(found.inode)).map(entry => entry.name);
  }

  /** The content of a regular file as `walk` named it, in pieces of at most 1 MiB. */
  async *read(entry: Pick<Entry, 'inode'>): AsyncGenerator<Buffer, void, undefined> {
    yield* this.piecesOf(await this.inodeOf(entry.inode));
  }

  /**
   * Everything below a directory, the directory first, then depth first in the order of names; symlinks are
   * not followed.
   * @throws CheckError when a directory has two places, or the tree is larger than any real one
   */
  async *walk(): AsyncGenerator<Entry, void, undefined> {
    const seen = new Set<number>();
    const waiting: { path: string; inode: number }[] = [{ path: '/', inode: this.rootInode }];
    let named = 1;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const inode = await this.inodeOf(next.inode);
      yield await this.#entry(next.path, inode);
      if (inode.type !== 'directory') continue;
      if (seen.has(inode.number)) throw this.damaged(`the directory ${next.path} has a second place`);
      seen.add(inode.number);
      const base = next.path === '/' ? '' : next.path;
      if (base.length > LONGEST_PATH) throw this.damaged('its directories are deeper than a path can be');
      const entries = await this.entriesOf(inode);
      named += entries.length;
      if (named > MOST_ENTRIES) throw this.damaged(`it names more than ${MOST_ENTRIES} files`);
      for (const entry of entries.reverse())
        waiting.push({ path: `${base}/${entry.name}`, inode: entry.inode });
    }
  }

  async #entry(path: string, inode: I): Promise<Entry> {
    const attributes = await this.attributesOf(inode);
    const { number, type, mode, uid, gid, size, links, mtime } = inode;
    return {
      ...{ path, inode: number, type, mode, uid, gid, size, links, mtime },
      ...(type === 'symlink' ? { target: await this.targetOf(inode) } : {}),
      ...(type === 'character' || type === 'block' ? { device: this.deviceOf(inode) } : {}),
      attributes: new Map([...attributes].sort(([a], [b]) => compareText(a, b))),
    };
  }

  /** Finds the inode of a path as a process in the guest would, `..` and symlinks included. */
  async #resolve(path: string, followLast: boolean): Promise<{ path: string; inode: I } | undefined> {
    const rest = split(path).reverse();
    const trail: { name: string; inode: I }[] = [];
    const root = await this.inodeOf(this.rootInode);
    let followed = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const here = trail.at(-1)?.inode ?? root;
      if (here.type !== 'directory') return undefined;
      if (name === '..') trail.pop();
      if (name === '..') continue;
      const found = (await this.entriesOf(here)).find(entry => entry.name === name);
      if (found === undefined) return undefined;
      const inode = await this.inodeOf(found.inode);
      if (inode.type !== 'symlink' || (rest.length === 0 && !followLast)) {
        trail.push({ name, inode });
        continue;
      }
      if (++followed > MOST_LINKS_FOLLOWED) return undefined;
      const target = await this.targetOf(inode);
      if (target.startsWith('/')) trail.length = 0;
      rest.push(...split(target).reverse());
    }
    return { path: `/${trail.map(step => step.name).join('/')}`, inode: trail.at(-1)?.inode ?? root };
  }

  protected async contentOf(inode: I, limit: number): Promise<Buffer> {
    if (inode.size > limit) {
      throw this.damaged(
        `inode ${inode.number} has ${inode.size} bytes, more than the ${limit} expected there`,
      );
    }
    const pieces: Buffer[] = [];
    for await (const piece of this.piecesOf(inode)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
}

function split(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}
