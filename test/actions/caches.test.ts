import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { layersToSave, restoreCaches } from '../../actions/caches.ts';
import { ARCHIVE, LayerStore } from '../../src/build/layers/store.ts';
import { saveCache } from '../../src/runner/cache.ts';
import { recordingContext } from '../host/support.ts';
import { temporary } from '../promote/fixture.ts';
import { stage } from '../runner/support.ts';
import { CacheService } from './cache-service.ts';

/** @actions/cache itself, speaking to a service on this host. */
let service: CacheService;
let work: string;

beforeEach(async () => {
  service = await CacheService.open();
  work = await temporary();
  const own = service.environment(join(work, 'runner'));
  for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
  await mkdir(join(work, 'runner'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  service.close();
  await rm(work, { recursive: true, force: true });
});

const KEY = 'a'.repeat(64);

/** A job's step on a runner of its own; all runners have the same paths. */
function job(env: Readonly<Record<string, string>> = {}) {
  const { context, said } = recordingContext({ env: { XDG_CACHE_HOME: join(work, 'home') } });
  const inputs = { INPUT_IMAGE: 'debian-12', 'INPUT_SHARE-LAYERS': 'true', INPUT_CACHE: 'false', ...env };
  const { runner } = stage(inputs);
  const world = { env: inputs } as unknown as Parameters<typeof restoreCaches>[0]['world'];
  return { session: { world, context, runner }, said };
}

const layers = () => new LayerStore(job().session.context, join(work, 'home/image-factory/layers'));

async function leave(secrets: readonly string[] = []): Promise<void> {
  const draft = join(work, 'home/image-factory/layers/.draft');
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, ARCHIVE), 'archive');
  await layers().keep(draft, { key: KEY, place: 'bootstrap', bound: {}, lists: [], secrets: [...secrets] });
}

const nextRunner = () => rm(join(work, 'home'), { recursive: true });

async function shareOne(): Promise<void> {
  await leave();
  const { session } = job();
  for (const entry of await layersToSave(session, new Date(0))) await saveCache(session.context, entry);
}

it('layers go from runner to runner, and are saved once', async () => {
  await shareOne();
  await shareOne();
  expect(service.entries).toMatchObject([
    { key: expect.stringMatching(/^image-factory-layers-debian-12-[0-9a-f]{64}$/), whole: true },
  ]);
  await nextRunner();
  const { session, said } = job();
  expect(await restoreCaches(session)).toEqual([]);
  const layer = await layers().find(KEY);
  expect(await readFile(join(layer?.directory ?? '', ARCHIVE), 'utf8')).toBe('archive');
  expect(said.join()).toContain('1 shared layers taken over');
});

it.each([
  ['a protected branch', { GITHUB_REF_PROTECTED: 'true' }],
  ['a tag', { GITHUB_REF_TYPE: 'tag' }],
  ['whoever did not ask', { 'INPUT_SHARE-LAYERS': 'false' }],
  ['another image', { INPUT_IMAGE: 'debian-13' }],
])('a job of %s takes none', async (_whose, env) => {
  await shareOne();
  await nextRunner();
  await restoreCaches(job(env).session);
  expect(await layers().find(KEY)).toBeUndefined();
});

it('a layer with a secret in it is not sent', async () => {
  await leave(['etc/apt/auth.conf']);
  expect(await layersToSave(job().session, new Date(0))).toEqual([]);
});

it('a cache that is out of order fails no build', async () => {
  await leave();
  const { session } = job();
  const [entry] = await layersToSave(session, new Date(0));
  if (entry === undefined) throw new Error('nothing to save');
  service.close();
  await expect(saveCache(session.context, entry)).resolves.toBeUndefined();
  await expect(restoreCaches(job({ INPUT_CACHE: 'true' }).session)).resolves.toBeInstanceOf(Array);
  expect(service.entries).toEqual([]);
});
