import { constants, type FileHandle, link, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HostError, TrustError } from '../host/errors.ts';
import { SAFE_NAME } from './names.ts';

/** Larger than any text of a bundle that is read whole. */
const MOST_TEXT = 64 * 1024 * 1024;

/** Name under which a file is written until it is whole. */
export function partialName(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial`);
}

/**
 * Writes a file that is not there yet; it gets its name when all of it is on the disk.
 * @throws HostError when it cannot be written or is already there
 */
export async function writeNew(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const partial = partialName(path);
  try {
    await writeSynced(partial, content, mode);
    // A link, unlike a rename, never replaces what another process has made meanwhile.
    await link(partial, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw new HostError(`cannot write ${path} (${codeOf(cause)})`, { cause });
  } finally {
    await rm(partial, { force: true });
  }
}

async function writeSynced(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await rm(path, { force: true });
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a folder that was filled under its partial name the name it is known by. */
export async function publishDirectory(partial: string, path: string): Promise<void> {
  if (await exists(path))
    throw new HostError(`${path} is already there`, { advice: 'nothing in it is rewritten' });
  await rename(partial, path);
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/**
 * Throws when a path is there and is no folder of its own; a link could make us read or write anywhere.
 * @throws TrustError
 */
export async function assertOwnFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return;
  throw new TrustError(`${path} is ${found.isSymbolicLink() ? 'a symbolic link' : 'not a folder'}`);
}

/**
 * Opens a regular file for reading. A bundle comes from a host nobody trusts: a link could lead anywhere,
 * and a pipe could hold us for ever.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const handle = await openNoFollow(path);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new TrustError(`${path} is not a regular file`);
}

async function openNoFollow(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === 'ELOOP') throw new TrustError(`${path} is a symbolic link`, { cause });
    if (codeOf(cause) === 'ENOENT') throw new TrustError(`${path} is not there`, { cause });
    throw new HostError(`cannot read ${path} (${codeOf(cause)})`, { cause });
  }
}

/** @throws TrustError when it is no regular file, not there, larger than 64 MiB or not UTF-8 */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TrustError(`${path} is not UTF-8 text`, { cause });
  }
}

/** @throws TrustError when it is no regular file, not there or larger than 64 MiB */
export async function readBytes(path: string): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > MOST_TEXT) throw new TrustError(`${path} is too large (${size} bytes) for what it should be`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * Paths of all files below a folder, relative, with forward slashes, sorted by their bytes.
 * @throws TrustError for a link, a special file, an unfinished file or an unsafe name
 */
export async function listFiles(root: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async entry => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      assertPlain(root, path, entry);
      return entry.isDirectory() ? listFiles(root, path) : [path];
    }),
  );
  return found.flat().sort(byBytes);
}

function assertPlain(
  root: string,
  path: string,
  entry: { name: string; isFile(): boolean; isDirectory(): boolean },
): void {
  const shown = JSON.stringify(path).slice(1, -1);
  if (!SAFE_NAME.test(entry.name)) {
    const why = entry.name.endsWith('.partial') ? 'is unfinished' : 'has a name that a bundle does not allow';
    throw new TrustError(`${shown} in ${root} ${why}`);
  }
  if (entry.isFile() || entry.isDirectory()) return;
  throw new TrustError(`${shown} in ${root} is a link or a special file`);
}

/** Order by UTF-8 bytes, as `LC_ALL=C sort` has it. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
