import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadFactory } from '../../src/definition/factory.ts';

const options = { builtinElements: 'elements' };

it('examples/debian is one line of Debian 12', async () => {
  const factory = await loadFactory('examples/debian/factory.yaml', options);
  expect(factory.images.map(({ name }) => name)).toEqual(['debian-12']);
});

it('examples/lines shows inheritance, a variant and an element of its own', async () => {
  const factory = await loadFactory('examples/lines/factory.yaml', options);
  expect(factory.images.map(({ name, packages, owner }) => ({ name, packages, owner }))).toEqual([
    { name: 'debian-12', packages: ['qemu-guest-agent', 'tmux'], owner: 'images@cloud.example' },
    { name: 'debian-13', packages: ['qemu-guest-agent', 'tmux'], owner: 'images@cloud.example' },
    { name: 'debian-13-lab', packages: ['tmux', 'tcpdump'], owner: 'lab@cloud.example' },
  ]);
  const script = join(factory.elementPaths[0] ?? '', 'motd/install.d/50-motd');
  await expect(access(script, constants.X_OK)).resolves.toBeUndefined();
});

it('examples/hardware has a line for each variant that builds as it is', async () => {
  const { images } = await loadFactory('examples/hardware/factory.yaml', options);
  expect(images.map(({ name, elements }) => [name, elements])).toEqual([
    ['debian-12', []],
    ['debian-12-dkms', ['own-module']],
    ['debian-12-infiniband', ['infiniband']],
  ]);
});
