import { createHash, getHashes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../../host/context.ts';
import { CloudError, TrustError } from '../../host/errors.ts';
import type { Image } from './types.ts';

export interface Expected {
  readonly file: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha512: string;
  readonly diskFormat: string;
}

/**
 * Makes sure that the bytes Glance stored are those of the file.
 * @throws CloudError when the cloud converted it, TrustError when the bytes are others
 */
export async function compareStored(
  context: Pick<Context, 'signal'>,
  image: Image,
  expected: Expected,
): Promise<void> {
  if (image.diskFormat !== expected.diskFormat) {
    throw new CloudError(
      `the cloud converts what it is given: ${expected.file} was sent as ${expected.diskFormat} and is stored as ${image.diskFormat}`,
      { advice: `upload the ${image.diskFormat} form, whose digest can be compared` },
    );
  }
  if (image.hash === undefined) {
    throw new CloudError(`the cloud tells no digest of the image ${image.id}`, {
      advice: 'it needs a Glance of 2018 (Rocky) or newer',
    });
  }
  const { algorithm, value } = image.hash;
  const digest = algorithm === 'sha512' ? expected.sha512 : await digestOf(context, expected.file, algorithm);
  if (image.size === expected.size && value.toLowerCase() === digest.toLowerCase()) return;
  throw new TrustError(
    `the image ${image.id} is not the file ${expected.file}: ${image.size} bytes with ${algorithm} ${value.slice(0, 16)}…, not ${expected.size} with ${digest.slice(0, 16)}…`,
    { advice: 'the file changed, or the cloud altered it; check the bundle, then run again' },
  );
}

async function digestOf(context: Pick<Context, 'signal'>, file: string, algorithm: string): Promise<string> {
  const name = algorithm.toLowerCase();
  if (!getHashes().includes(name)) {
    throw new CloudError(`the cloud tells digests by ${algorithm}, which is not known here`);
  }
  const hash = createHash(name);
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash, { signal: context.signal });
  return hash.digest('hex');
}
