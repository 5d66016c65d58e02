import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { HostError, TrustError } from '../../host/errors.ts';
import { asConnectionError } from '../http.ts';
import { withRetries } from '../retry.ts';
import { path, type Service } from '../service.ts';
import type { Image } from './types.ts';

const DEADLINE = 6 * 3_600_000;

/**
 * Writes an image's bytes to a file, from the start again when the connection breaks, and compares them with
 * Glance's own digest. The file has its name only when it is whole.
 * @param image as Glance shows it
 * @throws TrustError when the bytes are not those that Glance names
 */
export async function downloadImage(glance: Service, image: Image, file: string): Promise<void> {
  const { context } = glance;
  const progress = context.log.progress(`downloading ${image.name}`, image.size, 'bytes');
  const what = `download the image ${image.id}`;
  const partial = `${file}.partial`;
  try {
    await withRetries(context, { what, idempotent: true, deadline: DEADLINE }, () =>
      fetchOnce(glance, image, partial, what, done => progress.update(done)),
    );
    await rename(partial, file);
  } finally {
    progress.end();
    await rm(partial, { force: true });
  }
}

async function fetchOnce(
  glance: Service,
  image: Image,
  file: string,
  what: string,
  onBytes: (done: number) => void,
): Promise<void> {
  const call = { what, method: 'GET', path: path`/images/${image.id}/file`, accept: [200] } as const;
  const answer = await glance.stream({
    ...call,
    retry: 'never',
    headers: { accept: 'application/octet-stream' },
  });
  const hash = createHash(image.hash?.algorithm ?? 'sha512');
  const handle = await open(file, 'w');
  let done = 0;
  try {
    for await (const chunk of answer.body) {
      hash.update(chunk);
      await handle.write(chunk);
      done += chunk.length;
      onBytes(done);
    }
    await handle.sync();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new HostError(`no room for ${file}`, { advice: 'make room there, then run again', cause });
    }
    throw asConnectionError(cause, { what, service: glance.label });
  } finally {
    await handle.close();
  }
  if (done === image.size && hash.digest('hex') === image.hash?.value) return;
  throw new TrustError(`the image ${image.id} is not what Glance says it is: ${done} bytes came`, {
    advice: 'the store or a proxy altered it: tell the cloud’s operators',
  });
}
