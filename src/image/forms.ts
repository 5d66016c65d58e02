import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskForm } from '../definition/types.ts';
import { type Context, checkCancelled } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { run } from '../host/process.ts';
import { qcow2Facts } from './read/qcow2.ts';

const BLOCK = 1024 * 1024;

/** One file of a build. */
export interface DiskFile {
  readonly path: string;
  readonly form: DiskForm;
}

/** How other formats begin: a raw disk that begins so is another disk to whoever guesses its format. */
const MAGICS: readonly [string, number, Buffer][] = [
  ['qcow2', 0, Buffer.from('QFI\xfb', 'latin1')],
  ['qed', 0, Buffer.from('QED\0')],
  ['vmdk', 0, Buffer.from('KDMV')],
  ['vmdk', 0, Buffer.from('# Disk DescriptorFile')],
  ['vhd', 0, Buffer.from('conectix')],
  ['vhdx', 0, Buffer.from('vhdxfile')],
  ['luks', 0, Buffer.from('LUKS\xba\xbe', 'latin1')],
  ['vdi', 64, Buffer.from([0x7f, 0x10, 0xda, 0xbe])],
];

/**
 * Refuses an image file that would not be this one disk to everybody: a qcow2 that reads other files or is
 * not whole, a raw disk that passes for another format, a disk of another size.
 * @param diskSize size of the disk as the manifest tells it, bytes
 * @throws CheckError
 */
export async function inspectForm(image: DiskFile, diskSize: number): Promise<void> {
  const size = image.form === 'raw' ? await rawSize(image.path) : (await qcow2Facts(image.path)).diskSize;
  if (size !== diskSize) throw refused(image, `holds a disk of ${size} bytes, not of ${diskSize}`);
}

async function rawSize(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const other = MAGICS.find(([, at, magic]) => buffer.subarray(at, at + magic.length).equals(magic));
    if (other !== undefined) throw refused({ path }, `should be a raw disk and begins like ${other[0]}`);
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function refused(image: { path: string }, what: string): CheckError {
  return new CheckError(`${image.path} ${what}`, { advice: 'build the image again' });
}

/**
 * A raw file with the disk that an image file holds: the file itself, or a sparse copy in a directory.
 * @param diskSize as for inspectForm: a hostile header would have us unpack exabytes
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
    await run(['qemu-img', 'convert', '-f', image.form, '-O', 'raw', image.path, path], {
      signal: context.signal,
    });
    return { path, remove };
  } catch (cause) {
    await remove();
    if (!(cause instanceof Error) || cause.name !== 'ToolError') throw cause;
    throw new CheckError(`${image.path} cannot be read to its end`, {
      advice: 'build the image again',
      cause,
    });
  }
}

/** SHA-256 of a raw file, lower-case hex; memory does not grow with it. */
export async function rawDigest(context: Pick<Context, 'signal'>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  const buffer = Buffer.allocUnsafe(BLOCK);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, BLOCK);
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
  const raw = await asRaw(context, image, diskSize, directory);
  try {
    return await rawDigest(context, raw.path);
  } finally {
    await raw.remove();
  }
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
