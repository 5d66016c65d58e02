import type { Context } from '../../host/context.ts';
import { CancelledError, CloudError } from '../../host/errors.ts';
import { ApiError, ConnectionError } from '../errors.ts';
import { mayRetry, RETRIES, withRetries } from '../retry.ts';
import type { Service } from '../service.ts';
import { waitFor } from '../wait.ts';
import { compareStored } from './compare.ts';
import { discardUnless } from './discard.ts';
import { createImage, findImage, type NewImage } from './images.ts';
import { importStaged } from './import.ts';
import { sendFile } from './send-file.ts';
import type { Image } from './types.ts';

export interface Upload {
  readonly file: string;
  readonly size: number;
  /** Hexadecimal; the stored bytes are compared with it. */
  readonly sha512: string;
  /** Protect, if so wished, what is there: a protected half could not be removed. */
  readonly image: Omit<NewImage, 'id' | 'protected'>;
  /** `put` makes the file the image as it is; `glance-direct` stages it for the cloud's own import. */
  readonly method?: 'put' | 'glance-direct';
  /** Called with the image's id before the image is made, for every try: what is written down can be found again. */
  readonly intend?: (id: string) => Promise<void>;
  readonly patience?: Partial<UploadPatience>;
}

/** Milliseconds. */
export interface UploadPatience {
  /** Without a byte moving. */
  readonly stall: number;
  /** From the last byte to the answer. */
  readonly answer: number;
  /** From the answer to `active`. */
  readonly active: number;
  /** From a connection that broke until Glance has noticed: it may have the image, or must let go of it. */
  readonly settle: number;
  /** From the start of the first try to that of the last. */
  readonly all: number;
}

const PATIENCE: UploadPatience = {
  stall: 60_000,
  answer: 900_000,
  active: 1_800_000,
  settle: 30_000,
  all: 6 * 3_600_000,
};

/**
 * Uploads a file and returns when Glance has it `active` with our size and digest. A try that fails leaves nothing
 * behind and the next one starts from nothing, with an image of its own; an answer that was lost is not
 * taken for a failure.
 * @throws CloudError in one line, TrustError when the stored bytes are others, CancelledError
 */
export async function uploadImage(glance: Service, upload: Upload): Promise<Image> {
  const { context } = glance;
  const what = `upload ${upload.file}`;
  const deadline = upload.patience?.all ?? PATIENCE.all;
  const progress = context.log.progress(`uploading ${upload.image.name}`, upload.size, 'bytes');
  try {
    return await withRetries(
      context,
      { what, idempotent: true, worthAnother, deadline, policy: RETRIES },
      () => attempt(glance, upload, done => progress.update(done)),
    );
  } finally {
    progress.end();
  }
}

/** Beside what the policy says: our image was taken away, or stands in a state of which we know nothing. */
function worthAnother(error: unknown): boolean {
  if (mayRetry(error, true)) return true;
  return error instanceof ApiError && [404, 409, 410].includes(error.httpStatus);
}

async function attempt(glance: Service, upload: Upload, onSent: (done: number) => void): Promise<Image> {
  let id = newId(glance.context);
  await upload.intend?.(id);
  try {
    id = (await createImage(glance, { ...upload.image, id })).id;
    await transfer(glance, id, upload, onSent);
    return await accepted(glance, id, upload);
  } catch (error) {
    const { settle } = { ...PATIENCE, ...upload.patience };
    const ended = await discardUnless(glance, id, settle, image => isWhole(glance, image, upload, error));
    if (ended !== undefined) return ended;
    throw glance.context.signal.aborted ? new CancelledError('cancelled', { cause: error }) : error;
  }
}

async function transfer(glance: Service, id: string, upload: Upload, onSent: (done: number) => void) {
  const { file, size, method = 'put' } = upload;
  const { stall, answer } = { ...PATIENCE, ...upload.patience };
  const to = method === 'put' ? 'file' : 'stage';
  await sendFile(glance, id, { file, size, to, stall, answer, onSent });
  if (method === 'glance-direct') await importStaged(glance, id);
}

/** Waits for `active`, then compares. */
async function accepted(glance: Service, id: string, upload: Upload): Promise<Image> {
  const deadline = upload.patience?.active ?? PATIENCE.active;
  const waiting = { what: `the image ${id} to become active`, deadline };
  const image = await waitFor(glance.context, waiting, async () => {
    const seen = await findImage(glance, id);
    if (seen?.status === 'active') return { done: seen };
    if (seen === undefined || ['queued', 'killed', 'deleted', 'pending_delete'].includes(seen.status)) {
      throw new CloudError(`the cloud gave up the image ${id}: it is ${seen?.status ?? 'gone'}`, {
        advice: "the store may be full, or its import failed: see Glance's log",
      });
    }
    return { stands: seen.status };
  });
  await compareStored(glance.context, image, { ...upload, diskFormat: upload.image.diskFormat });
  return image;
}

/** Whether only an answer was lost. An image that was compared and found wrong is not looked at again. */
async function isWhole(glance: Service, image: Image, upload: Upload, error: unknown): Promise<boolean> {
  const answerLost = error instanceof ConnectionError || error instanceof ApiError;
  if (!answerLost || image.status !== 'active') return false;
  await compareStored(glance.context, image, { ...upload, diskFormat: upload.image.diskFormat });
  return true;
}

/** A random UUID. */
function newId(context: Pick<Context, 'random'>): string {
  const bytes = context.random(16);
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x40, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
