import { createHash } from 'node:crypto';
import type { Context } from '../../host/context.ts';
import { TrustError } from '../../host/errors.ts';
import { type DiskFile, readDisk } from '../disk-file.ts';
import { isZero } from '../forms/pieces.ts';
import { openWriter, type Target, type Writer } from './target.ts';

export interface WriteRequest {
  readonly image: DiskFile;
  /** Size in bytes and SHA-256 of the disk, from a signed manifest. */
  readonly disk: { readonly size: number; readonly digest: string };
  readonly target: Target;
  /** Directory for a sparse copy, which a qcow2 needs. */
  readonly work: string;
}

/**
 * Writes the disk of an image file to a file or device. The digest runs along, and the first piece, without
 * which there is no disk, is written last, when the digest is right: what is killed or fails in between leaves
 * nothing that boots.
 * @returns bytes that were written; the rest are zeros
 * @throws TrustError when the bytes are not the disk of the digest
 */
export async function writeDisk(context: Context, request: WriteRequest): Promise<number> {
  const writer = await openWriter(request.target, request.disk.size);
  try {
    const written = await copy(context, request, writer);
    await writer.finish();
    return written;
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function copy(context: Context, request: WriteRequest, writer: Writer): Promise<number> {
  const { image, disk, target, work } = request;
  const progress = context.log.progress(`writing ${target.path}`, disk.size, 'bytes');
  const hash = createHash('sha256');
  let first: Buffer | undefined;
  let offset = 0;
  let written = 0;
  for await (const piece of readDisk(context, image, disk.size, work)) {
    hash.update(piece);
    if (first === undefined) first = piece;
    else if (!writer.blank || !isZero(piece)) {
      await writer.write(piece, offset);
      written += piece.length;
    }
    offset += piece.length;
    progress.update(offset);
  }
  const digest = hash.digest('hex');
  if (digest !== disk.digest) {
    progress.end('refused');
    throw new TrustError(`${image.path} does not hold the signed disk: its digest is ${digest}`, {
      advice: 'copy the bundle again from where it was signed',
    });
  }
  await writer.sync();
  if (first !== undefined) await writer.write(first, 0);
  await writer.sync();
  progress.end();
  return written + (first?.length ?? 0);
}
