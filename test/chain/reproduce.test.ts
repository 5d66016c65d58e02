import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { prepareLine } from '../../src/chain/build.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { reproduce } from '../../src/chain/reproduce.ts';
import { HostError, NetworkError } from '../../src/host/errors.ts';
import { TestMirror } from '../build/archive/mirror.ts';
import { recordingContext } from '../host/support.ts';
import { temporary } from '../promote/fixture.ts';
import { manifest as fixture } from '../report/fixture.ts';

let folder: string;
let mirror: TestMirror;

beforeEach(async () => {
  folder = await temporary();
  mirror = await TestMirror.open();
  offer('bookworm', { apt: '1', bash: '5.1' });
  offer('bookworm-updates', {});
  offer('bookworm-security', { bash: '5.2' });
  await writeFile(
    join(folder, 'factory.yaml'),
    'images:\n  debian:\n    releases: [12]\n    packages: [bash]\n',
  );
});

afterEach(async () => {
  mirror.close();
  await rm(folder, { recursive: true, force: true });
});

function offer(suite: string, versions: Readonly<Record<string, string>>): void {
  const packages = Object.entries(versions).map(([Package, Version]) => ({ Package, Version }));
  mirror.suites[suite] = { date: 'Sun, 01 Nov 2026 00:00:00 UTC', packages };
}

const context = () => recordingContext({ env: { XDG_CACHE_HOME: join(folder, 'cache') } }).context;

/** A bundle that was made when these versions were there. */
async function bundle(packages: Readonly<Record<string, string>>): Promise<string> {
  const core = join(folder, 'bundle', 'core');
  await mkdir(core, { recursive: true });
  const { factory } = await readDefinition(context(), join(folder, 'factory.yaml'));
  const manifest = { ...fixture, line: factory.images[0], packages };
  await writeFile(join(core, 'manifest.json'), JSON.stringify(manifest));
  return join(folder, 'bundle');
}

const again = async (packages: Readonly<Record<string, string>>) =>
  reproduce(context(), {
    ...{
      bundle: await bundle(packages),
      factory: join(folder, 'factory.yaml'),
      output: join(folder, 'again'),
    },
    ...{ mirror: `${mirror.base}/debian`, installTools: false, job: 'test' },
  });

it('takes the versions of the bundle where a suite still has them, and its seed', async () => {
  const { factory } = await readDefinition(context(), join(folder, 'factory.yaml'));
  const [line] = factory.images;
  if (line === undefined) throw new Error('no line');
  const pins = { bash: '5.1' };
  const prepare = (more?: { again: { pins: typeof pins; inputDigest: string } }) =>
    prepareLine(context(), factory, line, `${mirror.base}/debian`, more);
  expect((await prepare()).inputs.packages).toMatchObject({ bash: '5.2' });
  const preparation = await prepare({ again: { pins, inputDigest: 'seed' } });
  expect(preparation.inputs.packages).toMatchObject({ bash: '5.1' });
  expect(preparation).toMatchObject({ pins, inputDigest: 'seed' });
});

it('says which packages the mirror no longer has, before it builds', async () => {
  const error: unknown = await again({ apt: '1', bash: '5.0', vim: '9', 'repository:own': 'f' }).catch(
    each => each,
  );
  expect(error).toBeInstanceOf(NetworkError);
  expect((error as NetworkError).line).toMatch(
    /^the mirror no longer has 2 of the 3 packages of debian-12 20261121\.1: bash 5\.0, vim 9: name a mirror/,
  );
});

it('leaves what an earlier reproduction kept', async () => {
  await mkdir(join(folder, 'again/debian-12/20261121.1-amd64'), { recursive: true });
  await expect(again({ apt: '1', bash: '5.1' })).rejects.toThrow(HostError);
});
