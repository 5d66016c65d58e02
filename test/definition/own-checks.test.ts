import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ownFolders } from '../../src/chain/definition.ts';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { loadFactory } from '../../src/definition/factory.ts';
import { ownChecks } from '../../src/definition/own-checks.ts';
import { temporaryFolder } from './support.ts';

const FACTORY = 'images: {debian: {releases: [13], verify: {own: [checks]}}}\n';

async function factory(files: Readonly<Record<string, number>>, text = FACTORY) {
  const folder = await temporaryFolder();
  for (const [name, mode] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '#!/bin/sh\n');
    await chmod(path, mode);
  }
  const file = join(folder, 'factory.yaml');
  await writeFile(file, text);
  return { file, load: () => loadFactory(file, { builtinElements: folder }) };
}

it('makes every script and goss file a check that the image must pass', async () => {
  const { file, load } = await factory({
    ...{ 'checks/guest/swap': 0o755, 'checks/runner/answers.py': 0o755, 'checks/goss/services.yaml': 0o644 },
    ...{ 'checks/README.md': 0o644, 'checks/guest/.hidden': 0o644 },
  });
  const [line] = (await load()).images;
  const names = ['own/answers.py', 'own/services', 'own/swap'];
  expect(line?.verify.checks).toEqual([...DEFAULT_CHECKS, ...names]);
  expect((await ownChecks(file, ['checks'])).map(({ name, kind }) => [name, kind])).toEqual([
    ...[
      ['own/answers.py', 'runner'],
      ['own/services', 'goss'],
      ['own/swap', 'guest'],
    ],
  ]);
});

it.each([
  [
    'a folder without any',
    { 'checks/README.md': 0o644 },
    /checks has no checks, expected files in guest\/, /,
  ],
  ['a script that nobody may execute', { 'checks/guest/a': 0o644 }, /guest\/a cannot be executed/],
  ['two of one name', { 'checks/guest/a': 0o755, 'checks/runner/a': 0o755 }, /own\/a is there twice/],
  ['a name with a blank', { 'checks/guest/a b': 0o755 }, /guest\/a b cannot be a check/],
  ['a goss file of another kind', { 'checks/goss/a.json': 0o644 }, /goss\/a\.json cannot be a check/],
])('tells of %s, with the line that names the folder', async (_what, files, message) => {
  const { load } = await factory(files);
  await expect(load()).rejects.toThrow(/factory\.yaml:1:\d+: /);
  await expect(load()).rejects.toThrow(message);
});

it('makes those of a stage checks that must pass there, and nowhere else', async () => {
  const text = `${FACTORY}stages: {staging: {own: [checks/lab]}}\n`;
  const files = { 'checks/guest/swap': 0o755, 'checks/lab/runner/reachable': 0o755 };
  const { load } = await factory(files, text);
  const loaded = await load();
  expect(
    loaded.stages.map(({ name, checks }) => [name, checks.filter(each => each.startsWith('own/'))]),
  ).toEqual([
    ['staging', ['own/reachable']],
    ['production', []],
  ]);
  expect(loaded.images[0]?.verify.checks).not.toContain('own/reachable');
  expect(ownFolders(loaded, 'debian-13', 'directory:stores/staging')).toEqual(['checks/lab']);
  expect(ownFolders(loaded, 'debian-13', 'directory:stores/production')).toEqual([]);
  expect(ownFolders(loaded, 'debian-13', 'qemu')).toEqual(['checks']);
});

it('tells where a stage names a folder without checks', async () => {
  const { load } = await factory(
    { 'checks/guest/a': 0o755 },
    `${FACTORY}stages:\n  staging:\n    own: [lab]\n`,
  );
  await expect(load()).rejects.toThrow(/factory\.yaml:4:11: lab has no checks/);
});

it('takes no folder by an absolute path, which would be another one elsewhere', async () => {
  const { load } = await factory({}, FACTORY.replace('[checks]', '[/checks]'));
  await expect(load()).rejects.toThrow(/a folder, relative to the factory file/);
});

const quarantined = (name: string) =>
  FACTORY.replace('[checks]', `[checks], quarantine: {${name}: {tracker: x, expires: 2099-12-24}}`);

it('can be in quarantine, like any other', async () => {
  const { load } = await factory({ 'checks/guest/swap': 0o755 }, quarantined('own/swap'));
  const [line] = (await load()).images;
  expect(Object.keys(line?.verify.quarantine ?? {})).toEqual(['own/swap']);
});

it('cannot be in quarantine when it is not there', async () => {
  const { load } = await factory({ 'checks/guest/swap': 0o755 }, quarantined('own/swop'));
  await expect(load()).rejects.toThrow(
    /factory\.yaml:1:\d+: there is no check own\/swop, expected own\/swap/,
  );
  const without = await factory({}, quarantined('own/swap').replace('own: [checks], ', ''));
  await expect(without.load()).rejects.toThrow(/there is no check own\/swap, expected verify\.own/);
});
