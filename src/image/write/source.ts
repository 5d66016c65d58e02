import { open } from 'node:fs/promises';
import type { DiskForm } from '../../definition/types.ts';
import { type Context, checkCancelled } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { asRaw, type DiskFile } from '../forms.ts';

/** Bytes that are read, and written, at once. */
export const CHUNK = 1024 * 1024;

/** Those first that need no room of their own to be read. */
export const DISK_SOURCES: readonly DiskForm[] = ['raw', 'qcow2'];

/**
 * The disk in a file, from its first byte to its last, in pieces of CHUNK bytes but for the last one.
 * @param diskSize bytes that the disk must have: a hostile file would unpack to exabytes
 * @param work directory for a sparse copy, which a qcow2 needs
 * @throws CheckError when the file holds a disk of another size, or cannot be read to its end
 */
export async function* readDisk(
  context: Context,
  image: DiskFile,
  diskSize: number,
  work: string,
): AsyncGenerator<Buffer, void, undefined> {
  let done = 0;
  for await (const piece of pieces(context, image, diskSize, work)) {
    checkCancelled(context);
    done += piece.length;
    if (done > diskSize) break;
    yield piece;
  }
  if (done === diskSize) return;
  const what = done > diskSize ? `more than ${diskSize} bytes` : `${done} bytes, not ${diskSize}`;
  throw new CheckError(`${image.path} holds a disk of ${what}`, { advice: 'build the image again' });
}

async function* pieces(
  context: Context,
  image: DiskFile,
  diskSize: number,
  work: string,
): AsyncGenerator<Buffer, void, undefined> {
  const raw = await asRaw(context, image, diskSize, work);
  try {
    yield* readFilePieces(raw.path);
  } finally {
    await raw.remove();
  }
}

async function* readFilePieces(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
