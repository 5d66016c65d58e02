import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readDefinition } from '../../src/chain/definition.ts';
import { pendingUpdates } from '../../src/chain/security-updates.ts';
import { createContext } from '../../src/host/context.ts';
import { NetworkError } from '../../src/host/errors.ts';
import { TestMirror } from '../build/archive/mirror.ts';
import { temporary } from '../promote/fixture.ts';

let folder: string;
let mirror: TestMirror;

beforeEach(async () => {
  folder = await temporary();
  mirror = await TestMirror.open();
  offer('bookworm', { apt: '1', bash: '5.1', vim: '9.0' });
  offer('bookworm-updates', { vim: '9.1' });
  offer('bookworm-security', { bash: '5.2' });
  const settings = `{packages: [bash, vim], mirror: {build: ${mirror.base}/debian}}`;
  await writeFile(
    join(folder, 'factory.yaml'),
    `defaults: ${settings}\nimages: {debian: {releases: [12], elements: []}}\n`,
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

async function pending(installed: Readonly<Record<string, string>>) {
  const context = createContext({ env: { XDG_CACHE_HOME: join(folder, 'cache') } });
  const { factory } = await readDefinition(context, join(folder, 'factory.yaml'));
  const [line] = factory.images;
  if (line === undefined) throw new Error('no line');
  const packages = Object.entries(installed).map(([name, version]) => ({
    ...{ name, version, architecture: 'amd64', source: name },
  }));
  return pendingUpdates(context, factory, line, packages);
}

it('names what the security suite mended, and no other newer version', async () => {
  expect(await pending({ bash: '5.1', vim: '9.0', stranger: '1' })).toEqual([
    { name: 'bash', version: '5.1', now: '5.2' },
  ]);
});

it('finds nothing where the image is as new, or newer', async () => {
  expect(await pending({ bash: '5.2' })).toEqual([]);
  expect(await pending({ bash: '5.3~rc1' })).toEqual([]);
});

it('ends as a fault of the network where the archive does not answer', async () => {
  mirror.close();
  await expect(pending({ bash: '5.1' })).rejects.toThrow(NetworkError);
});
