import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CancelledError, HostError } from '../host/errors.ts';

const BLOCK = 1024 * 1024;

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'make room there, then run again',
  EDQUOT: 'raise the quota or make room, then run again',
  EROFS: 'the file system is mounted read-only',
  EACCES: 'run as a user who may write there',
  EPERM: 'run as a user who may write there',
};

/** Turns what the file system refuses into a HostError with advice; everything else passes as it is. */
export async function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const advice = ADVICE[code];
    if (advice === undefined) throw cause;
    throw new HostError(`${what} failed (${code})`, { advice, cause });
  }
}

/** The text of a file, or undefined when it is not there. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a file in one step that survives a power cut: a reader sees the old text or the new one. */
export async function writeAtomically(file: string, text: string, mode = 0o644): Promise<void> {
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(partial, file);
  await sync(dirname(file));
}

/** Waits until a file's bytes, or a directory's names, are on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** SHA-256 and SHA-512 (lower-case hex) and size (bytes) of a file in one read; a symbolic link is refused. */
export async function digestFile(
  path: string,
  options: { signal?: AbortSignal; onBytes?: (done: number) => void } = {},
): Promise<{ size: number; sha256: string; sha512: string }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await digestHandle(handle, options);
  } finally {
    await handle.close();
  }
}

async function digestHandle(
  handle: FileHandle,
  options: { signal?: AbortSignal; onBytes?: (done: number) => void },
) {
  const hashes = [createHash('sha256'), createHash('sha512')] as const;
  const block = Buffer.allocUnsafe(BLOCK);
  let size = 0;
  for (;;) {
    if (options.signal?.aborted) throw new CancelledError();
    const { bytesRead } = await handle.read(block, 0, BLOCK, size);
    if (bytesRead === 0) break;
    for (const hash of hashes) hash.update(block.subarray(0, bytesRead));
    size += bytesRead;
    options.onBytes?.(size);
  }
  return { size, sha256: hashes[0].digest('hex'), sha512: hashes[1].digest('hex') };
}
