import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskForm } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { run } from '../host/process.ts';

const MAGIC = 0x514649fb;
/** Bits of the incompatible features, docs/interop/qcow2.txt of QEMU. */
const EXTERNAL_DATA = 1n << 2n;
const COMPRESSION = 1n << 3n;
const DIRTY_OR_CORRUPT = 0b11n;

/**
 * Refuses a qcow2 that reads anything beside itself or is not whole: a backing or data file could be any
 * file of the host that opens it (CVE-2024-32498).
 * @throws CheckError
 */
export async function inspectQcow2(path: string): Promise<void> {
  const header = Buffer.alloc(104);
  const file = await open(path, 'r');
  try {
    await file.read(header, 0, header.length, 0);
  } finally {
    await file.close();
  }
  const problem = qcow2Problem(header);
  if (problem !== undefined) throw new CheckError(`${path} ${problem}`, { advice: 'build the image again' });
}

/** @param header the first 104 bytes */
export function qcow2Problem(header: Buffer): string | undefined {
  if (header.readUInt32BE(0) !== MAGIC) return 'is no qcow2 file';
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `has the qcow2 version ${version}`;
  if (header.readBigUInt64BE(8) !== 0n || header.readUInt32BE(16) !== 0) return 'has a backing file';
  if (header.readUInt32BE(32) !== 0) return 'is encrypted';
  if (header.readUInt32BE(60) !== 0) return 'holds internal snapshots';
  if (version === 2) return undefined;
  const features = header.readBigUInt64BE(72);
  if (features & EXTERNAL_DATA) return 'has an external data file';
  if (features & DIRTY_OR_CORRUPT) return 'was not closed cleanly';
  if (features & ~(EXTERNAL_DATA | COMPRESSION | DIRTY_OR_CORRUPT))
    return 'has features this version does not know';
  return undefined;
}

/** A raw file with the disk that an image file holds: the file itself, or a sparse copy in directory. */
export async function asRaw(
  context: Context,
  image: { path: string; form: DiskForm },
  directory: string,
): Promise<{ path: string; remove: () => Promise<void> }> {
  if (image.form === 'raw') return { path: image.path, remove: async () => {} };
  await inspectQcow2(image.path);
  const path = join(directory, `disk-${context.random(4).toString('hex')}.raw`);
  const argv = ['qemu-img', 'convert', '-f', image.form, '-O', 'raw', image.path, path];
  await run(argv, { signal: context.signal });
  return { path, remove: () => rm(path, { force: true }) };
}

/** SHA-256 of a raw file, lower-case hex. */
export async function rawDigest(context: Context, path: string): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024, signal: context.signal });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
