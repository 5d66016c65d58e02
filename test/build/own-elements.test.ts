import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { resolveElements } from '../../src/build/elements.ts';
import { assembleHooks, PHASES } from '../../src/build/hooks.ts';
import { packageInstalls } from '../../src/build/package-installs.ts';
import { inTemporary } from '../host/support.ts';

const FOLDER = resolve('elements');

it('the elements that come with this repository can be used, and no script of theirs is passed over', () =>
  inTemporary(async folder => {
    const names = await readdir(FOLDER);
    const elements = await resolveElements(names, [FOLDER]);
    expect(elements.map(each => each.name)).toEqual([...names].sort());
    await assembleHooks(elements, join(folder, 'hooks'));
    for (const phase of Object.keys(PHASES)) {
      const there = await Promise.all(names.map(name => readdir(join(FOLDER, name, phase)).catch(() => [])));
      const copied = await readdir(join(folder, 'hooks', phase)).catch(() => []);
      expect(copied.sort()).toEqual(there.flat().sort());
    }
  }));

it('the image of a distribution starts with a kernel, cloud-init, ssh and a boot loader', async () => {
  const elements = await resolveElements(['debian-cloud'], [FOLDER]);
  const conditions = { architecture: 'amd64', distribution: 'debian', release: 'bookworm', environment: {} };
  const packages = (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
  const names = packages.map(each => each.name);
  expect(names).toEqual(expect.arrayContaining(['cloud-init', 'openssh-server', 'linux-image-cloud-amd64']));
  expect(names.filter(name => name.startsWith('grub-')).length).toBeGreaterThan(0);
});
