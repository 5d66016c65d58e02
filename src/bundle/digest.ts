import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, checkCancelled } from '../host/context.ts';
import { openRegular } from './files.ts';
import type { FileDigest } from './types.ts';

const BLOCK = 1024 * 1024;
const SIDE_BY_SIDE = 2;

/** Digests that are not closed yet, so that a signature can be made from a copy of them. */
export interface RunningDigest {
  readonly sha256: Hash;
  readonly sha512: Hash;
}

export interface MeasuredFile extends FileDigest {
  readonly running: RunningDigest;
}

export function runningDigest(...chunks: readonly Uint8Array[]): RunningDigest {
  const running = { sha256: createHash('sha256'), sha512: createHash('sha512') };
  for (const chunk of chunks) update(running, chunk);
  return running;
}

function update(running: RunningDigest, chunk: Uint8Array): void {
  running.sha256.update(chunk);
  running.sha512.update(chunk);
}

export function hex(hash: Hash): string {
  return hash.copy().digest('hex');
}

export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Reads a regular file once for both digests; memory does not grow with it.
 * @param onBytes called with the number of bytes just read
 * @throws TrustError when it is a link or not there
 */
export async function digestFile(
  context: Pick<Context, 'signal'>,
  root: string,
  path: string,
  onBytes: (count: number) => void = () => {},
): Promise<MeasuredFile> {
  const handle = await openRegular(join(root, path));
  const running = runningDigest();
  try {
    const size = await eachBlock(context, handle, block => {
      update(running, block);
      onBytes(block.length);
    });
    return { path, size, sha256: hex(running.sha256), sha512: hex(running.sha512), running };
  } finally {
    await handle.close();
  }
}

/** While one block is worked on, the next is read into the other buffer. */
async function eachBlock(
  context: Pick<Context, 'signal'>,
  handle: FileHandle,
  work: (block: Buffer) => void,
): Promise<number> {
  let [filling, spare] = [Buffer.allocUnsafe(BLOCK), Buffer.allocUnsafe(BLOCK)];
  let size = 0;
  let reading = handle.read(filling, 0, BLOCK, 0);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return size;
    checkCancelled(context);
    size += bytesRead;
    const block = filling.subarray(0, bytesRead);
    [filling, spare] = [spare, filling];
    reading = handle.read(filling, 0, BLOCK, size);
    // Awaited in the next round; if `work` throws first, a failed read must not end the process.
    reading.catch(() => {});
    work(block);
  }
}

/**
 * Digests of several files below a folder, in the order given, two files at a time.
 * @param what title of the progress that is shown
 */
export async function digestFiles(
  context: Pick<Context, 'signal' | 'log'>,
  root: string,
  paths: readonly string[],
  what = 'computing digests',
): Promise<MeasuredFile[]> {
  const progress = context.log.progress(what, await totalSize(root, paths), 'bytes');
  const measured: MeasuredFile[] = [];
  let done = 0;
  const queue = paths.entries(); // shared: each worker takes what is next
  const worker = async () => {
    for (const [turn, path] of queue) {
      measured[turn] = await digestFile(context, root, path, count => {
        done += count;
        progress.update(done, path);
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  } finally {
    progress.end();
  }
  return measured;
}

async function totalSize(root: string, paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map(async path => {
      const handle = await openRegular(join(root, path));
      try {
        return (await handle.stat()).size;
      } finally {
        await handle.close();
      }
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
