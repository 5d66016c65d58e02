import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { leaveLayers, restoreCaches } from '../../actions/caches.ts';
import { signLayersPerformer } from '../../actions/sign-layers.ts';
import { ARCHIVE, LayerStore } from '../../src/build/layers/store.ts';
import { restoreLayers, saveCache } from '../../src/runner/cache.ts';
import { keepLayer, layerKey } from '../build/layers/support.ts';
import { recordingContext } from '../host/support.ts';
import { temporary } from '../promote/fixture.ts';
import { type Hand, makeHand } from '../trust/fixture.ts';
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

const KEY = layerKey('a');

const WISH = { image: 'debian-12', cache: false, cold: false, shareLayers: true };

/** A job on a runner of its own; all runners have the same paths. */
function job(env: Readonly<Record<string, string>> = {}) {
  return recordingContext({ env: { XDG_CACHE_HOME: join(work, 'home'), HOME: work, ...env } });
}

const PROTECTED = { GITHUB_REF_PROTECTED: 'true' };
const ARRIVED = () => join(work, 'home/image-factory/layers');
const shared = () => join(work, 'home/image-factory/shared-layers');
const layers = () => new LayerStore(job().context, ARRIVED());

const leave = (secrets: readonly string[] = []) => keepLayer(ARRIVED(), 'a', { content: 'archive', secrets });

const nextRunner = () => rm(join(work, 'home'), { recursive: true, force: true });

/** What a build leaves, saved as post does. @returns its folder, as a later job downloads it */
async function shareOne(): Promise<string> {
  await leave();
  const { context } = job();
  const { folder = '', caches } = await leaveLayers(context, WISH, new Date(0));
  for (const entry of caches) await saveCache(context, entry);
  await cp(folder, join(work, 'artifact'), { recursive: true });
  return join(work, 'artifact');
}

/** The job with the key, by the action itself. */
async function signAndSave(hand: Hand): Promise<void> {
  const folder = await shareOne();
  await nextRunner();
  const { context } = job({ KEY: hand.secret });
  const request = { folder, image: 'debian-12', factory: join(work, 'factory.yaml'), signingKey: 'env:KEY' };
  const { caches = [] } = await signLayersPerformer.perform(context, request, 'host:1');
  for (const entry of caches) await saveCache(context, entry);
  await nextRunner();
}

async function writeFactory(hand: Hand): Promise<string> {
  await mkdir(join(work, 'keys'));
  await writeFile(join(work, 'keys/layers.asc'), hand.signing.publicKey);
  const text = `images: { debian: { releases: [12] } }\nsigning: { layers: [${hand.signing.fingerprint}] }\n`;
  await writeFile(join(work, 'factory.yaml'), text);
  return join(work, 'factory.yaml');
}

const names = () => service.entries.map(({ key }) => key.replace(/[0-9a-f]{64}$/, '*'));

it('layers go from runner to runner, and are saved once', async () => {
  await shareOne();
  await shareOne();
  expect(service.entries).toMatchObject([
    { key: expect.stringMatching(/^image-factory-layers-debian-12-[0-9a-f]{64}$/), whole: true },
  ]);
  await nextRunner();
  const { context, said } = job();
  expect(await restoreCaches(context, WISH)).toEqual([]);
  const layer = await layers().find(KEY);
  expect(await readFile(join(layer?.directory ?? '', ARCHIVE), 'utf8')).toBe('archive');
  expect(said.join()).toContain('1 shared layers taken over');
});

it('a layer that was taken over and is not used is not sent again', async () => {
  await shareOne();
  await nextRunner();
  const { context } = job();
  await restoreCaches(context, WISH);
  expect(await leaveLayers(context, WISH, new Date(Date.now() + 1))).toEqual({ caches: [] });
  await expect(readdir(shared())).rejects.toThrow('ENOENT');
});

it.each([
  ['a protected branch', PROTECTED, {}],
  ['a tag', { GITHUB_REF_TYPE: 'tag' }, {}],
  ['whoever did not ask', {}, { shareLayers: false }],
  ['another image', {}, { image: 'debian-13' }],
])('a job of %s takes none that nobody has signed', async (_whose, env, wish) => {
  await shareOne();
  await nextRunner();
  const factory = await writeFactory(await makeHand('layers'));
  await restoreCaches(job(env).context, { ...WISH, factory, ...wish });
  expect(await layers().find(KEY)).toBeUndefined();
});

it('a job of a protected branch takes signed layers, and so does one that only tries something', async () => {
  const hand = await makeHand('layers');
  const factory = await writeFactory(hand);
  await signAndSave(hand);
  expect(names()).toEqual(['image-factory-layers-debian-12-*', 'image-factory-signed-layers-debian-12-*']);
  const release = job(PROTECTED);
  await restoreCaches(release.context, { ...WISH, factory });
  expect(release.said.join()).toContain(`1 shared layers taken over, signed by ${hand.signing.fingerprint}`);
  expect(await layers().find(KEY)).toBeDefined();
  await nextRunner();
  service.entries.shift();
  await restoreCaches(job().context, WISH);
  expect(await layers().find(KEY)).toBeDefined();
});

it('a job of a protected branch takes none from an entry whose layers were changed after they were signed', async () => {
  const hand = await makeHand('layers');
  const factory = await writeFactory(hand);
  await signAndSave(hand);
  const { context, said } = job(PROTECTED);
  await restoreCaches(context, { ...WISH, factory });
  const [, signed] = service.entries;
  if (signed === undefined) throw new Error('nothing was saved');
  await writeFile(join(shared(), KEY, ARCHIVE), 'ARCHIVE');
  await saveCache(context, {
    directory: shared(),
    key: 'image-factory-signed-layers-debian-12-f',
    hit: false,
  });
  await rm(ARRIVED(), { recursive: true });
  await restoreCaches(context, { ...WISH, factory });
  expect(await layers().find(KEY)).toBeUndefined();
  expect(said.join()).toContain('warn: a shared layer is left out');
});

it('a build with a folder of its own takes over what is signed there, and leaves its own', async () => {
  const hand = await makeHand('layers');
  const factory = await writeFactory(hand);
  const folder = await shareOne();
  await writeFile(join(folder, 'own'), 'of a person');
  const wish = { ...WISH, shareLayers: false, signedLayers: folder, factory };
  await nextRunner();
  await restoreCaches(job().context, { ...wish, cold: true });
  expect(await readdir(folder)).toEqual(['own']);
  expect(await leaveLayers(job().context, { ...wish, cold: true }, new Date(0))).toEqual({ caches: [] });
  await shareOne();
  await nextRunner();
  await restoreCaches(job().context, wish);
  expect(await layers().find(KEY)).toBeUndefined();
  expect(await readdir(folder)).toEqual(['own']);
  await shareOne();
  await nextRunner();
  await signLayersPerformer.perform(
    job({ KEY: hand.secret }).context,
    { folder, factory, signingKey: 'env:KEY' },
    'host:1',
  );
  await restoreCaches(job().context, wish);
  expect(await layers().find(KEY)).toBeDefined();
  expect(await leaveLayers(job().context, wish, new Date(0))).toEqual({ folder, caches: [] });
  expect((await readdir(folder)).sort()).toEqual([KEY, 'own']);
});

it('an entry of the cache writes nothing beside its folder, whatever is in it', async () => {
  await shareOne();
  const [entry] = service.entries;
  if (entry === undefined) throw new Error('nothing was saved');
  const evil = join(work, 'evil');
  await mkdir(evil);
  await writeFile(join(evil, 'file'), 'evil');
  await symlink(join(work, 'target'), join(evil, 'link'));
  await mkdir(join(work, 'target'));
  const archive = join(work, 'evil.tar');
  const names = ['../../outside', '../outside', join(work, 'outside'), 'link/outside'];
  const add = (from: string, to: string, mode = '--append') =>
    execFileSync('tar', [
      '-P',
      mode,
      '-f',
      archive,
      '-C',
      evil,
      `--transform=flags=r;s,^${from}$,${to},`,
      from,
    ]);
  add('link', 'link', '--create');
  for (const name of names) add('file', name);
  expect(execFileSync('tar', ['-P', '-tf', archive], { encoding: 'utf8' })).toBe(
    `link\n${names.join('\n')}\n`,
  );
  entry.content = execFileSync('zstd', ['-qc', archive]);
  await nextRunner();
  await restoreLayers(job().context, shared(), 'debian-12', 'layers');
  // It has been unpacked, as far as it may.
  expect(await readdir(join(shared(), '__'))).toContain('outside');
  const written = (await readdir(work, { recursive: true })).filter(path => path.endsWith('/outside'));
  expect(written.filter(path => !join(work, path).startsWith(`${shared()}/`))).toEqual([]);
  expect(await readdir(work)).not.toContain('outside');
});

it('a layer with a secret in it is not sent', async () => {
  await leave(['etc/apt/auth.conf']);
  expect(await leaveLayers(job().context, WISH, new Date(0))).toEqual({ caches: [] });
});

it('a cache that is out of order fails no build', async () => {
  await leave();
  const { context } = job();
  const { caches } = await leaveLayers(context, WISH, new Date(0));
  const [entry] = caches;
  if (entry === undefined) throw new Error('nothing to save');
  service.close();
  await expect(saveCache(context, entry)).resolves.toBeUndefined();
  await expect(restoreCaches(context, { ...WISH, cache: true })).resolves.toBeInstanceOf(Array);
  expect(service.entries).toEqual([]);
});
