import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type KeyedStep, keySteps } from '../../../src/build/layers/keys.ts';
import { byPlace, type SequenceRequest, sequence } from '../../../src/build/layers/steps.ts';
import { inTemporary } from '../../host/support.ts';
import { writeTree } from '../support.ts';

const FILES = {
  'pre-install.d/50-a': ['#!/bin/sh\n', 0o755],
  'install.d/9-b': ['#!/bin/sh\n', 0o755],
  'install.d/20-c': ['#!/bin/sh\n', 0o755],
  'install.d/notes.txt': 'not a script',
  'post-install.d/50-d': ['#!/bin/sh\n', 0o755],
  'static/etc/motd': 'hello',
  'environment.d/10-x': 'export X=1',
} as const;

const request = (hooks: string, change: Partial<SequenceRequest> = {}): SequenceRequest => ({
  hooks,
  bootstrap: {
    suite: 'bookworm',
    packages: ['cloud-init'],
    sources: 'deb x',
    fstab: 'LABEL=x',
    preferences: '',
    filesystem: 'ext4',
  },
  engine: phase => (phase === 'install.d' ? ['10-install-static'] : []),
  environment: { DIB_A: '1', DIB_IMAGE_CACHE: '/cache/.own1' },
  given: { files: ['d1'] },
  ...change,
});

const keysOf = async (hooks: string, change: Partial<SequenceRequest> = {}) =>
  keySteps('root', await sequence(request(hooks, change)));

/** Places whose key is another one. */
const changed = (before: readonly KeyedStep[], after: readonly KeyedStep[]) =>
  after.filter(({ key }) => !before.some(each => each.key === key)).map(each => each.place);

const PLACES = [
  ...['bootstrap', 'settle', 'pre-install.d/50-a', 'install.d/9-b'],
  ...['install.d/10-install-static', 'install.d/20-c', 'post-install.d/50-d'],
];

it("flattens the scripts of all phases by number, with the engine's own steps", () =>
  inTemporary(async hooks => {
    await writeTree(hooks, FILES);
    expect((await keysOf(hooks)).map(each => each.place)).toEqual(PLACES);
  }));

it.each<[string, (hooks: string) => Promise<Partial<SequenceRequest> | undefined | void>, string]>([
  ['a script', hooks => writeFile(join(hooks, 'install.d/20-c'), '#!/bin/bash\n'), 'install.d/20-c'],
  ['a script that goes', hooks => rm(join(hooks, 'install.d/9-b')), 'install.d/10-install-static'],
  ['a script that nobody may run', hooks => chmod(join(hooks, 'install.d/20-c'), 0o644), 'settle'],
  ['a static file', hooks => writeFile(join(hooks, 'static/etc/motd'), 'bye'), 'settle'],
  ['a mode', hooks => chmod(join(hooks, 'static/etc/motd'), 0o755), 'settle'],
  ['environment.d', hooks => writeFile(join(hooks, 'environment.d/10-x'), 'export X=2'), 'settle'],
  ['a file that is no script', hooks => writeFile(join(hooks, 'install.d/notes.txt'), 'x'), 'settle'],
  ['the environment', async () => ({ environment: { DIB_A: '2' } }), 'settle'],
  ['a given file', async () => ({ given: { files: ['d2'] } }), 'settle'],
  [
    'the packages of the bootstrap',
    async () => ({
      bootstrap: {
        suite: 'bookworm',
        packages: ['vim'],
        sources: 'deb x',
        fstab: 'LABEL=x',
        preferences: '',
        filesystem: 'ext4',
      },
    }),
    'bootstrap',
  ],
])('%s changes the keys from where it is first read', (_what, change, first) =>
  inTemporary(async hooks => {
    await writeTree(hooks, FILES);
    const before = await keysOf(hooks);
    const after = await keysOf(hooks, (await change(hooks)) ?? {});
    const places = after.map(each => each.place);
    expect(changed(before, after)).toEqual(places.slice(places.indexOf(first)));
  }),
);

it('what is of one build alone changes nothing', () =>
  inTemporary(async hooks => {
    await writeTree(hooks, FILES);
    const environment = { DIB_A: '1', DIB_IMAGE_CACHE: '/cache/.own2' };
    expect(await keysOf(hooks, { environment })).toEqual(await keysOf(hooks));
  }));

it('places are passed in the order of the build', () => {
  const passed = [
    'bootstrap',
    'root.d/1',
    'settle',
    'extra-data.d/1',
    'install.d/9-b',
    'install.d/10-a',
    'finalise.d/0',
  ];
  expect(passed.toReversed().sort(byPlace)).toEqual(passed);
});
