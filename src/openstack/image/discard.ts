import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../host/context.ts';
import type { Service } from '../service.ts';
import { deleteImage, findImage } from './images.ts';
import type { Image } from './types.ts';

/** A cancelled run is killed seconds after it is asked to end; the half image must be gone before. Milliseconds. */
const CLEANUP = 6000;

/** In these Glance is at work on the data. */
const BUSY = new Set(['saving', 'importing']);

/** Who was cancelled has no time to let Glance notice: an image that is found again matters more than its data. */
const HURRY = 500;

const STEP = 200;

/**
 * Removes an image whose upload failed, also when we were cancelled, unless it turns out to be whole.
 * Glance is given time to notice that the connection broke: when an image is deleted while it saves the
 * data, the data can stay in its store with no image to own them (seen with Zed).
 * @param settle milliseconds to wait for that at the most
 * @returns the image, if it is whole
 */
export async function discardUnless(
  glance: Service,
  id: string,
  settle: number,
  isWhole: (image: Image) => Promise<boolean>,
): Promise<Image | undefined> {
  const { session, context } = glance;
  const cancelled = context.signal.aborted;
  const cleanup = cancelled ? briefly(context) : context;
  const through = session.under(cleanup).service('image');
  try {
    const image = await settled(through, id, cancelled ? Math.min(settle, HURRY) : settle);
    if (image !== undefined && !cancelled && (await isWhole(image))) return image;
  } catch (error) {
    context.log.debug(`looking at the image ${id}: ${(error as Error).message}`);
  }
  await discard(through, id);
  return undefined;
}

async function settled(glance: Service, id: string, patience: number): Promise<Image | undefined> {
  const { now, sleep } = glance.context;
  const end = now().getTime() + patience;
  for (;;) {
    const image = await findImage(glance, id);
    if (image === undefined || !BUSY.has(image.status) || now().getTime() >= end) return image;
    await sleep(STEP);
  }
}

async function discard(glance: Service, id: string): Promise<void> {
  try {
    await deleteImage(glance, id);
  } catch (error) {
    glance.context.log.warn(`the image ${id} is left behind: ${(error as Error).message}`);
  }
}

/** The same world without its cancelled signal, for a few seconds. */
function briefly(context: Context): Context {
  const signal = AbortSignal.timeout(CLEANUP);
  const sleep = (milliseconds: number) => delay(Math.min(milliseconds, CLEANUP / 4), undefined, { signal });
  return { ...context, signal, sleep };
}
