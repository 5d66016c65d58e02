import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { deleteImage, listImages } from '../../src/openstack/image/images.ts';
import { uploadImage } from '../../src/openstack/image/upload.ts';
import { seedOf } from '../end-to-end/random.ts';
import { bringUp, type TestCloud, wipe } from '../openstack/cloud.ts';
import { faultProxy } from '../openstack/fault-proxy.ts';
import { IMPATIENT_KEYSTONE, startKeystone } from '../openstack/services/keystone.ts';
import { SHARED_CLOUD } from '../openstack/shared-cloud.ts';
import { login, uploadOf } from '../openstack/support.ts';
import { expectWhole, faultsOf, uploadThroughStorm } from '../openstack/uploads.ts';

const UPLOADS = Number(process.env.STORM_COUNT ?? 1000);

let folder: string;
let cloud: TestCloud;
const given = process.env[SHARED_CLOUD];

beforeAll(async () => {
  folder = await mkdtemp('/tmp/image-factory-cloud-');
  const context = createContext({ env: process.env });
  cloud = await (given === undefined
    ? bringUp(context, join(folder, 'cloud'))
    : bringUp(context, given, { tier: 2 }));
});

afterAll(async () => {
  if (given === undefined) await wipe(join(folder, 'cloud'));
  await rm(folder, { recursive: true, force: true });
});

it('uploads for minutes with tokens that live a minute', async () => {
  await startKeystone(cloud.place, IMPATIENT_KEYSTONE);
  const proxy = await faultProxy(cloud.place.url('glance-staging'));
  const seconds = 150;
  const size = 30_000_000;
  proxy.choose(request => (request.method === 'PUT' ? { kind: 'slow', rate: size / seconds } : undefined));
  const config = {
    authUrl: `${cloud.place.url(IMPATIENT_KEYSTONE.name)}/v3`,
    endpoints: { image: proxy.url },
  };
  const session = await login(cloud, 'builder', { config });
  const first = await session.token();
  expect(first.expires - first.received).toBe(60_000);
  const upload = await uploadOf(join(folder, 'slow.img'), size, ['slow']);
  const began = performance.now();
  const image = await uploadImage(session.service('image'), upload);
  expect(performance.now() - began).toBeGreaterThan(120_000);
  expect(image.hash?.value).toBe(upload.sha512);
  expect((await session.token()).id).not.toBe(first.id);
  const listed = await listImages((await login(cloud, 'builder')).service('image'), { tag: 'slow' });
  expect(listed.map(({ id }) => id)).toEqual([image.id]);
  await deleteImage(session.service('image'), image.id);
  await session.close();
  await proxy.close();
});

it(`uploads ${UPLOADS} times through a storm of faults: each whole, once, and nothing else left`, async () => {
  const seed = seedOf('STORM_SEED');
  console.log(`STORM_SEED=${seed} STORM_COUNT=${UPLOADS}`);
  await mkdir(join(folder, 'files'));
  const storm = await uploadThroughStorm(cloud, join(folder, 'files'), {
    count: UPLOADS,
    seed,
    size: 60_000,
    tag: 'storm',
  });
  console.log(`faults: ${faultsOf(storm)}`);
  expectWhole(storm, UPLOADS);
  const builder = (await login(cloud, 'builder-production')).service('image');
  for (const { id } of storm.listed) await deleteImage(builder, id);
});
