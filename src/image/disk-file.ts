import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskForm } from '../definition/forms.ts';
import { type Context, checkCancelled } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { ToolError } from '../host/process.ts';
import { DISK_READERS } from './forms/index.ts';
import { CHUNK, inPieces, isZero, readFilePieces } from './forms/pieces.ts';

/** One file with a whole disk in it. */
export interface DiskFile {
  readonly path: string;
  readonly form: DiskForm;
}

/**
 * Refuses an image file that would not be this one disk to everybody: a qcow2 that reads other files or is
 * not whole, a raw disk that passes for another format, a disk of another size.
 * @param diskSize size of the disk as the manifest tells it, bytes
 * @throws CheckError
 */
export async function inspectForm(image: DiskFile, diskSize: number): Promise<void> {
  const size = await DISK_READERS[image.form].diskSize(image.path);
  if (size !== diskSize) throw refused(image, `holds a disk of ${size} bytes, not of ${diskSize}`);
}

function refused(image: { path: string }, what: string, cause?: unknown): CheckError {
  return new CheckError(`${image.path} ${what}`, { advice: 'build the image again', cause });
}

/**
 * A raw file with the disk that an image file holds: the file itself, or a sparse copy in a directory.
 * @param diskSize as for inspectForm: a hostile file would have us unpack exabytes
 * @throws CheckError when the file is refused or cannot be read to its end
 */
export async function asRaw(
  context: Context,
  image: DiskFile,
  diskSize: number,
  directory: string,
): Promise<{ path: string; remove: () => Promise<void> }> {
  await inspectForm(image, diskSize);
  if (image.form === 'raw') return { path: image.path, remove: async () => {} };
  const path = join(directory, `disk-${context.random(4).toString('hex')}.raw`);
  const remove = () => rm(path, { force: true });
  try {
    const { unpack } = DISK_READERS[image.form];
    if (unpack === undefined)
      await writeSparse(readDisk(context, image, diskSize, directory), path, diskSize);
    else await unpack(context, image.path, path);
    return { path, remove };
  } catch (error) {
    await remove();
    throw unreadable(image, error);
  }
}

/** What a tool says of a file that it cannot read is about the file. */
function unreadable(image: { path: string }, error: unknown): unknown {
  return error instanceof ToolError ? refused(image, 'cannot be read to its end', error) : error;
}

async function writeSparse(pieces: AsyncIterable<Buffer>, path: string, size: number): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.truncate(size);
    let offset = 0;
    for await (const piece of pieces) {
      if (!isZero(piece)) await file.write(piece, 0, piece.length, offset);
      offset += piece.length;
    }
  } finally {
    await file.close();
  }
}

/**
 * The disk in a file, from its first byte to its last, in pieces of CHUNK bytes but for the last one.
 * @param diskSize bytes that the disk must have
 * @param work directory for a sparse copy, which some forms need
 * @throws CheckError when the file holds a disk of another size, or cannot be read to its end
 */
export async function* readDisk(
  context: Context,
  image: DiskFile,
  diskSize: number,
  work: string,
): AsyncGenerator<Buffer, void, undefined> {
  let done = 0;
  for await (const piece of piecesOf(context, image, diskSize, work)) {
    checkCancelled(context);
    done += piece.length;
    if (done > diskSize) break;
    yield piece;
  }
  if (done === diskSize) return;
  throw refused(
    image,
    `holds a disk of ${done > diskSize ? `more than ${diskSize} bytes` : `${done} bytes, not ${diskSize}`}`,
  );
}

async function* piecesOf(
  context: Context,
  image: DiskFile,
  diskSize: number,
  work: string,
): AsyncGenerator<Buffer, void, undefined> {
  const { read } = DISK_READERS[image.form];
  if (read !== undefined) {
    await inspectForm(image, diskSize);
    try {
      yield* inPieces(read(context, image.path));
    } catch (error) {
      throw unreadable(image, error);
    }
    return;
  }
  const raw = await asRaw(context, image, diskSize, work);
  try {
    yield* readFilePieces(raw.path);
  } finally {
    await raw.remove();
  }
}

/** SHA-256 of a raw file, lower-case hex; memory does not grow with it. */
export async function rawDigest(context: Pick<Context, 'signal'>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  const buffer = Buffer.allocUnsafe(CHUNK);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return hash.digest('hex');
      checkCancelled(context);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/**
 * The disk digest: SHA-256 of the disk that a guest sees, the same for every form.
 * @param directory where a sparse copy may stand for a while
 */
export async function diskDigest(
  context: Context,
  image: DiskFile,
  diskSize: number,
  directory: string,
): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readDisk(context, image, diskSize, directory)) hash.update(piece);
  return hash.digest('hex');
}

/**
 * Proves that every form holds the one disk that the manifest tells of.
 * @throws CheckError naming the first file that holds another
 */
export async function sameDisk(
  context: Context,
  images: readonly DiskFile[],
  disk: { readonly size: number; readonly digest: string },
  directory: string,
): Promise<void> {
  for (const image of images) {
    const digest = await diskDigest(context, image, disk.size, directory);
    if (digest !== disk.digest) throw refused(image, `holds another disk: its digest is ${digest}`);
  }
}
