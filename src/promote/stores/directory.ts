import { chmod, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageFile } from '../../bundle/types.ts';
import type { StoreReference } from '../../definition/types.ts';
import type { Context } from '../../host/context.ts';
import { DefinitionError, HostError, TrustError } from '../../host/errors.ts';
import { run, ToolError } from '../../host/process.ts';
import { measure, onDisk, readIfThere, sync, writeAtomically } from '../files.ts';
import { withLock } from '../lock.ts';
import type { Store, StoredImage } from '../types.ts';
import { compareVersions } from '../version.ts';
import { assertName, readRecord, STORE_FORMAT, writeRecord } from './record.ts';

/** Longest wait for another process that copies into the same store, seconds. */
const PATIENCE = 900;

const PARTIAL = '.partial-';

/**
 * A store in a folder:
 * `images/ID/` holds an image file and its `image.json`; `index.json` lists what is public and not hidden.
 * Only the owner may enter the folder of a private image. Every change is made under one lock, so that a
 * `.partial-` folder seen by its holder belongs to a dead process.
 */
class DirectoryStore implements Store {
  readonly name: string;
  readonly #context: Context;
  readonly #path: string;
  readonly #images: string;

  constructor(context: Context, name: string, path: string) {
    this.name = name;
    this.#context = context;
    this.#path = path;
    this.#images = join(path, 'images');
  }

  async list(line?: string): Promise<readonly StoredImage[]> {
    const images = await onDisk(`reading the store ${this.name} in ${this.#path}`, () => this.#all());
    return line === undefined ? images : images.filter(image => image.line === line);
  }

  async open(id: string): Promise<string> {
    const image = await this.#read(id);
    return join(this.#images, image.id, image.file.path);
  }

  upload(request: Parameters<Store['upload']>[0]): Promise<StoredImage> {
    return this.#changing(async () => {
      const image = this.#describe(request);
      const present = await this.#find(image.id);
      if (present !== undefined) return sameBytes(this.name, present, request.file);
      await this.#copyIn(image, request.source);
      return image;
    });
  }

  change(id: string, change: Parameters<Store['change']>[1]): Promise<StoredImage> {
    return this.#changing(async () => {
      const before = await this.#read(id);
      const after = {
        ...before,
        visibility: change.visibility ?? before.visibility,
        hidden: change.hidden ?? before.hidden,
        properties: { ...before.properties, ...change.properties },
      };
      const folder = join(this.#images, id);
      await chmod(folder, folderMode(after));
      await writeAtomically(join(folder, 'image.json'), writeRecord(after));
      return after;
    });
  }

  remove(id: string): Promise<void> {
    return this.#changing(async () => {
      const folder = join(this.#images, (await this.#read(id)).id);
      // Renamed first: an image that is half removed must not look whole.
      const grave = join(this.#images, `${PARTIAL}${id}`);
      await rename(folder, grave);
      await sync(this.#images);
      await rm(grave, { recursive: true });
    });
  }

  /** Removes what dead processes left and brings the catalogue up to date. */
  settle(): Promise<void> {
    return this.#changing(async () => {});
  }

  #changing<T>(work: () => Promise<T>): Promise<T> {
    const lock = {
      file: join(this.#path, '.lock'),
      what: `the store ${this.name}`,
      holder: `pid ${process.pid}`,
      wait: PATIENCE,
    };
    return withLock(this.#context, lock, () =>
      onDisk(`writing to the store ${this.name} in ${this.#path}`, async () => {
        await mkdir(this.#images, { recursive: true });
        await this.#sweep();
        const result = await work();
        await this.#writeIndex();
        return result;
      }),
    );
  }

  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#images)) {
      if (!name.startsWith(PARTIAL)) continue;
      this.#context.log.debug(`${this.name}: removing ${name}, left by a process that died`);
      await rm(join(this.#images, name), { recursive: true, force: true });
    }
  }

  #describe(request: Parameters<Store['upload']>[0]): StoredImage {
    const { line, version, file, properties } = request;
    const path = basename(file.path);
    for (const [what, word] of Object.entries({ image: line, version, file: path })) assertName(what, word);
    return {
      id: `${line}-${version}-${file.form}`,
      line,
      version,
      visibility: 'private',
      hidden: false,
      file: { ...file, path },
      createdAt: this.#context.now().toISOString(),
      properties: { ...properties },
    };
  }

  async #copyIn(image: StoredImage, source: string): Promise<void> {
    const partial = join(this.#images, `${PARTIAL}${image.id}`);
    try {
      await mkdir(partial, { mode: 0o700 });
      const target = join(partial, image.file.path);
      await copySparse(this.#context, source, target);
      await chmod(target, 0o644);
      await this.#compare(target, image.file);
      await sync(target);
      await writeAtomically(join(partial, 'image.json'), writeRecord(image));
      await rename(partial, join(this.#images, image.id));
      await sync(this.#images);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  async #compare(path: string, expected: ImageFile): Promise<void> {
    const actual = await measure(this.#context, path, `comparing the copy in ${this.name}`, expected.size);
    if (actual.sha256 === expected.sha256 && actual.sha512 === expected.sha512) return;
    throw new TrustError(`the copy of ${expected.path} in ${this.name} is not the file the bundle names`, {
      advice: 'the source changed or the disk is bad; check the bundle, then run again',
    });
  }

  async #find(id: string): Promise<StoredImage | undefined> {
    const folder = join(this.#images, id);
    const file = join(folder, 'image.json');
    const text = await readIfThere(file);
    return text === undefined ? undefined : readRecord(text, file, folder);
  }

  async #read(id: string): Promise<StoredImage> {
    assertName('image', id);
    const image = await this.#find(id);
    if (image === undefined) throw new DefinitionError(`${this.name} holds no image ${id}`);
    return image;
  }

  /** Newest first. */
  async #all(): Promise<StoredImage[]> {
    const names = await readdir(this.#images).catch(emptyWhenMissing);
    const images: StoredImage[] = [];
    for (const name of names.filter(each => !each.startsWith('.'))) {
      const image = await this.#find(name);
      if (image !== undefined) images.push(image);
      else await this.#refuseForeign(name);
    }
    return images.sort(newestFirst);
  }

  /** A folder that vanished while we looked was removed by another process; one that stays is not ours. */
  async #refuseForeign(name: string): Promise<void> {
    const there = await lstat(join(this.#images, name)).catch(() => undefined);
    if (there === undefined) return;
    throw new DefinitionError(`${join(this.#images, name)} is not a stored image: it has no image.json`, {
      advice: 'move it out of the store',
    });
  }

  async #writeIndex(): Promise<void> {
    const images = (await this.#all()).filter(image => image.visibility === 'public' && !image.hidden);
    const text = `${JSON.stringify({ formatVersion: STORE_FORMAT, images: images.map(catalogued) }, null, 2)}\n`;
    const file = join(this.#path, 'index.json');
    if ((await readIfThere(file)) !== text) await writeAtomically(file, text);
  }
}

/**
 * Opens a store in a folder, makes it when it is not there and clears what a dead process left in it.
 * @param path absolute
 * @param options.readOnly touch nothing: for a dry run; an absent store is an empty one
 * @throws HostError when the folder cannot be written, DefinitionError when it holds something foreign
 */
export async function openDirectoryStore(
  context: Context,
  reference: StoreReference,
  path: string,
  options: { readOnly?: boolean } = {},
): Promise<Store> {
  const store = new DirectoryStore(context, reference.name, path);
  if (options.readOnly !== true) await store.settle();
  return store;
}

async function copySparse(context: Context, source: string, target: string): Promise<void> {
  try {
    await run(['cp', '--reflink=auto', '--sparse=always', '--', source, target], { signal: context.signal });
  } catch (cause) {
    if (!(cause instanceof ToolError)) throw cause;
    const full = /No space left|quota exceeded/i.test(cause.message);
    throw new HostError(
      full ? `no room to copy ${source} to ${target}` : `cannot copy ${source} to ${target}`,
      {
        advice: full ? 'make room there, then run again' : 'see the cause below',
        cause,
      },
    );
  }
}

/** The same upload again is no second image; other bytes under the same name are refused. */
function sameBytes(store: string, present: StoredImage, file: ImageFile): StoredImage {
  if (present.file.sha256 === file.sha256 && present.file.sha512 === file.sha512) return present;
  throw new TrustError(`${store} already holds other bytes as ${present.id}`, {
    advice: 'a version is never made twice; build a new one',
  });
}

function folderMode(image: StoredImage): number {
  return image.visibility === 'public' ? 0o755 : 0o700;
}

function catalogued(image: StoredImage) {
  const { id, line, version, file, createdAt, properties } = image;
  return { id, line, version, ...file, path: `images/${id}/${file.path}`, createdAt, properties };
}

function newestFirst(a: StoredImage, b: StoredImage): number {
  return compareVersions(b.version, a.version) || b.createdAt.localeCompare(a.createdAt);
}

function emptyWhenMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
