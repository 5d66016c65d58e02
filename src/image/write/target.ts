import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DefinitionError, HostError } from '../../host/errors.ts';
import { run, ToolError } from '../../host/process.ts';
import { describeDevice } from './device.ts';

/** What an image may be written to. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'device';
      /** With links resolved: `/dev/sda`. */
      readonly path: string;
      /** Bytes. */
      readonly size: number;
    };

/**
 * Looks at the place that an image is to be written to; changes nothing.
 * @param diskSize bytes
 * @throws DefinitionError when it is no place for an image, HostError when it is in use, read-only or too small
 */
export async function inspectTarget(path: string, diskSize: number): Promise<Target> {
  const link = await lstat(path).catch(() => undefined);
  if (link === undefined) return newFile(path);
  const real = await realpath(path).catch(cause => {
    throw new DefinitionError(`${path} is a link that leads nowhere`, { cause });
  });
  const stat = await lstat(real);
  if (stat.isBlockDevice()) return inspectDevice(real, stat.rdev, diskSize);
  throw new DefinitionError(
    stat.isFile() ? `${path} is already there` : `${path} is neither a block device nor a new file`,
    { advice: stat.isFile() ? 'remove it first, or name another file' : 'name one' },
  );
}

async function newFile(path: string): Promise<Target> {
  const folder = await lstat(dirname(resolve(path))).catch(() => undefined);
  if (folder === undefined) {
    throw new DefinitionError(`the directory of ${path} is not there`, { advice: 'make it first' });
  }
  if (path.startsWith('/dev/')) {
    throw new DefinitionError(`there is no device ${path}`, { advice: 'see what lsblk lists' });
  }
  return { kind: 'file', path: resolve(path) };
}

async function inspectDevice(path: string, rdev: number, diskSize: number): Promise<Target> {
  const device = await describeDevice(...numbersOf(rdev));
  const [use] = device.uses;
  if (use !== undefined) {
    throw new HostError(`${path} is in use: ${use}`, { advice: 'release it first; nothing was written' });
  }
  if (device.readOnly) throw new HostError(`${path} is read-only`, { advice: 'nothing was written' });
  if (device.size < diskSize) {
    throw new HostError(`${path} has ${device.size} bytes, and the image ${diskSize}`, {
      advice: 'take a larger one; nothing was written',
    });
  }
  return { kind: 'device', path, size: device.size };
}

/** As Linux packs them: twelve bits of major number around the first eight of the minor. */
function numbersOf(rdev: number): [major: number, minor: number] {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xffff_f000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffff_ff00n);
  return [Number(major), Number(minor)];
}

/** A target that is being written. */
export interface Writer {
  /** Whether what is not written reads as zeros. */
  readonly blank: boolean;
  write(piece: Buffer, offset: number): Promise<void>;
  /** Puts all of it on the disk. */
  sync(): Promise<void>;
  /** The image is whole: a file gets its name. */
  finish(): Promise<void>;
  /** Gives up; what is there looks like no image. */
  discard(): Promise<void>;
}

/** Opens a target for writing; a device so that nobody else can mount or write it meanwhile. */
export function openWriter(target: Target, diskSize: number): Promise<Writer> {
  return target.kind === 'file' ? openFile(target.path, diskSize) : openDevice(target.path, diskSize);
}

async function openFile(path: string, diskSize: number): Promise<Writer> {
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  await rm(partial, { force: true });
  const file = await open(partial, 'wx', 0o644);
  await file.truncate(diskSize);
  return {
    ...writing(file),
    blank: true,
    async finish() {
      await file.close();
      // A link, unlike a rename, never replaces what another process has made meanwhile.
      await link(partial, path);
      await rm(partial);
      await syncFolder(dirname(path));
    },
    async discard() {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const MARK = 1024 * 1024;

async function openDevice(path: string, diskSize: number): Promise<Writer> {
  // The kernel refuses this where a mount, swap or volume holds the device or a partition of it.
  const file = await open(path, constants.O_RDWR | constants.O_EXCL).catch(cause => {
    const code = (cause as NodeJS.ErrnoException).code;
    const what = code === 'EBUSY' ? 'is in use' : `cannot be written (${code})`;
    throw new HostError(`${path} ${what}`, { advice: 'nothing was written', cause });
  });
  try {
    const blank = await blankOut(path, diskSize);
    // Old partitions must not look at a half-written disk.
    await file.write(Buffer.alloc(Math.min(MARK, diskSize)), 0, Math.min(MARK, diskSize), 0);
    await file.sync();
    return {
      ...writing(file),
      blank,
      async finish() {
        await file.close();
        await rereadPartitions(path);
      },
      async discard() {
        await invalidate(file, diskSize);
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The device's own way of writing zeros; where it has none, zeros are written like the rest. */
async function blankOut(path: string, diskSize: number): Promise<boolean> {
  const length = Math.floor(diskSize / 4096) * 4096;
  if (length < diskSize) return false;
  try {
    // The check for other users is the kernel's, at our own opening.
    await run(['blkdiscard', '--force', '--zeroout', '--length', String(length), path]);
    return true;
  } catch (error) {
    if (error instanceof ToolError || error instanceof HostError) return false;
    throw error;
  }
}

async function invalidate(file: FileHandle, diskSize: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(MARK, diskSize));
  for (const at of [0, diskSize - zeros.length]) {
    await file.write(zeros, 0, zeros.length, at).catch(() => {});
  }
  await file.sync().catch(() => {});
}

/** The kernel then shows the new partitions; a device that has none of its own does not care. */
async function rereadPartitions(path: string): Promise<void> {
  await run(['blockdev', '--rereadpt', path], { accept: [0, 1] }).catch(() => {});
}

function writing(file: FileHandle): Pick<Writer, 'write' | 'sync'> {
  return {
    async write(piece, offset) {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done, offset + done);
        done += bytesWritten;
      }
    },
    sync: () => file.sync(),
  };
}
