import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { listImages } from '../../src/openstack/image/images.ts';
import type { Image } from '../../src/openstack/image/types.ts';
import { type Upload, uploadImage } from '../../src/openstack/image/upload.ts';
import type { Service } from '../../src/openstack/service.ts';
import { random } from '../end-to-end/random.ts';
import type { TestCloud } from './cloud.ts';
import { type Chooser, type Fault, faultProxy } from './fault-proxy.ts';
import { login, uploadOf } from './support.ts';

/** Faults in a row on the same request, after which it is let through: nobody can upload through a wire that is cut. */
const MOST_IN_A_ROW = 3;
const SIDE_BY_SIDE = 4;
/** Waiting is what takes the time; its length is judged elsewhere. */
const HASTE = 20;

/** Every kind of fault, one request in three. */
export function randomFaults(seed: number, size: number): Chooser {
  const next = random(seed);
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(next() * from.length)] ?? from[0];
  const make: readonly [() => Fault, ...(() => Fault)[]] = [
    () => ({ kind: 'reset', at: Math.floor(next() * size) }),
    () => ({ kind: 'refuse', status: pick([503, 502, 500, 504, 408, 401]) }),
    () => ({ kind: 'refuse', status: 429, retryAfter: 1 }),
    () => ({ kind: 'spoil', status: pick([503, 502, 500, 504, 401]) }),
    () => ({ kind: 'lose' }),
    () => ({ kind: 'slow', rate: size * 4 }),
    () => ({ kind: 'stall', at: Math.floor(next() * size) }),
  ];
  const before = new Map<string, { inARow: number; refusedToken: boolean }>();
  return request => {
    const key = `${request.method} ${request.url}`;
    const { inARow, refusedToken } = before.get(key) ?? { inARow: 0, refusedToken: false };
    const chosen = next() < 1 / 3 && inARow < MOST_IN_A_ROW ? pick(make)() : undefined;
    const isToken = chosen !== undefined && 'status' in chosen && chosen.status === 401;
    // A new token that is refused as well is a refusal and no fault; uploads side by side share the path of POST.
    const refusal = isToken && (refusedToken || request.method === 'POST');
    // A request without a body cannot stall.
    const unfit = refusal || (chosen?.kind === 'stall' && request.method !== 'PUT');
    const fault = unfit ? undefined : chosen;
    before.set(key, { inARow: fault === undefined ? 0 : inARow + 1, refusedToken: isToken && !unfit });
    return fault;
  };
}

export interface Storm {
  readonly uploads: readonly { readonly upload: Upload; readonly image: Image }[];
  readonly faults: ReadonlyMap<string, number>;
  /** What the cloud holds afterwards under the run's tag, asked without the proxy in between. */
  readonly listed: readonly Image[];
  /** Names of the files in Glance's store, which are images' ids. */
  readonly stored: readonly string[];
}

/** Uploads so many small files into a region that nobody else uses meanwhile, through a proxy that breaks one request in three. */
export async function uploadThroughStorm(
  cloud: TestCloud,
  folder: string,
  { count, seed, size, tag }: { count: number; seed: number; size: number; tag: string },
): Promise<Storm> {
  const direct = await login(cloud, 'builder-production');
  const proxy = await faultProxy(cloud.place.url('glance-production'));
  proxy.choose(randomFaults(seed, size));
  const hasty = { sleep: (milliseconds: number) => delay(milliseconds / HASTE) };
  const session = await login(cloud, 'builder-production', {
    context: hasty,
    config: { endpoints: { image: proxy.url } },
  });
  try {
    const uploads: { upload: Upload; image: Image }[] = [];
    const numbers = Array.from({ length: count }, (_, number) => number).values();
    const worker = async () => {
      for (const number of numbers)
        uploads.push(await one(session.service('image'), folder, number, size, tag));
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    const listed = await listImages(direct.service('image'), { tag });
    const stored = await settledStore(cloud, listed.length);
    return { uploads, faults: proxy.done, listed, stored };
  } finally {
    await session.dispatcher.destroy();
    await proxy.close();
    await direct.close();
  }
}

async function one(glance: Service, folder: string, number: number, size: number, tag: string) {
  const described = await uploadOf(join(folder, `${number}.img`), size, [tag]);
  const patience = { stall: 1000, answer: 2000, settle: 1000 };
  const upload = { ...described, image: { ...described.image, name: `${tag} ${number}` }, patience };
  return { upload, image: await uploadImage(glance, upload) };
}

/** Glance removes the data of a broken upload when it notices, which may be after our delete was answered. */
async function settledStore(cloud: TestCloud, expected: number): Promise<string[]> {
  const folder = cloud.place.path('glance-production', 'images');
  for (let look = 0; ; look++) {
    const files = await readdir(folder);
    if (files.length === expected || look === 50) return files.sort();
    await delay(200);
  }
}

/** Every upload is there, once, active, with our digest; and nothing else is, neither an image nor data without one. */
export function expectWhole(storm: Storm, count: number): void {
  const ids = storm.uploads.map(({ image }) => image.id).sort();
  expect(new Set(ids).size).toBe(count);
  for (const { upload, image } of storm.uploads) {
    expect(image).toMatchObject({ status: 'active', size: upload.size });
    expect(image.hash).toEqual({ algorithm: 'sha512', value: upload.sha512 });
  }
  expect(storm.listed.map(({ id }) => id).sort()).toEqual(ids);
  expect(storm.listed.filter(({ status }) => status !== 'active')).toEqual([]);
  expect(storm.stored).toEqual(ids);
}

/** For the log of a run. */
export function faultsOf(storm: Storm): string {
  return [...storm.faults].map(([kind, times]) => `${times} ${kind}`).join(', ');
}
