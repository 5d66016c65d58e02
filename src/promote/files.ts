import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { digestFile } from '../bundle/digest.ts';
import type { FileDigest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';

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

/**
 * Reads a file for its digests and shows how far it is.
 * @param size expected, bytes
 * @throws TrustError when it is not there or a link
 */
export async function measure(
  context: Context,
  path: string,
  what: string,
  size: number,
): Promise<FileDigest> {
  const progress = context.log.progress(what, size, 'bytes');
  let done = 0;
  try {
    return await digestFile(context, dirname(path), basename(path), count => {
      done += count;
      progress.update(done);
    });
  } finally {
    progress.end();
  }
}
