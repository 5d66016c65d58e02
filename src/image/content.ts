import { CheckError } from '../host/errors.ts';
import { withImageTree } from './documents.ts';
import type { Entry, Filesystem } from './read/filesystem.ts';
import { type Entries, resolvePath } from './read/paths.ts';
import type { MountedFilesystem } from './read/tree.ts';

/** A text file of an image that grows beyond this is no configuration, bytes. */
const TEXT_LIMIT = 32 * 1024 * 1024;

/** All that is in an image, walked once: entries by path, and their content when asked for. */
export class ImageContent {
  readonly entries: Entries;
  readonly #roots: ReadonlyMap<string, Pick<Filesystem, 'read'>>;

  /** @param roots where the content of each regular file is read from, by path */
  constructor(entries: Entries, roots: ReadonlyMap<string, Pick<Filesystem, 'read'>>) {
    this.entries = entries;
    this.#roots = roots;
  }

  /** The regular file that a path leads to, symlinks followed inside the image. */
  file(path: string): Entry | undefined {
    const entry = this.entries.get(resolvePath(this.entries, path, true));
    return entry?.type === 'file' ? entry : undefined;
  }

  /**
   * The text of a file; what is not UTF-8 in it is replaced.
   * @returns undefined when there is no such file
   * @throws CheckError when it is larger than any text
   */
  async text(path: string): Promise<string | undefined> {
    const entry = this.file(path);
    if (entry === undefined) return undefined;
    if (entry.size > TEXT_LIMIT) throw new CheckError(`${path} of the image has ${entry.size} bytes`);
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(entry)) pieces.push(piece);
    return Buffer.concat(pieces).toString('utf8');
  }

  /** The content of a regular file in pieces of at most 1 MiB. */
  pieces(entry: Entry): AsyncGenerator<Buffer, void, undefined> {
    const root = this.#roots.get(entry.path);
    if (root === undefined) throw new CheckError(`${entry.path} is in no filesystem of the image`);
    return root.read(entry);
  }

  /** The paths right below a folder, symlinks in its own path followed. */
  below(folder: string): string[] {
    const base = `${resolvePath(this.entries, folder, true)}/`;
    return [...this.entries.keys()].filter(path => path.startsWith(base) && !path.includes('/', base.length));
  }
}

/** Opens what is in a raw disk for the time of body. @throws CheckError when the disk is damaged */
export async function withContent<T>(
  raw: string,
  filesystems: readonly MountedFilesystem[],
  body: (content: ImageContent) => Promise<T>,
): Promise<T> {
  return withImageTree(raw, filesystems, async tree => {
    const entries = new Map<string, Entry>();
    const roots = new Map<string, Filesystem>();
    for await (const { entry, root } of tree.walk()) {
      entries.set(entry.path, entry);
      roots.set(entry.path, root);
    }
    return body(new ImageContent(entries, roots));
  });
}
