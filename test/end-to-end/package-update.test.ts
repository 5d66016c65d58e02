import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Archives } from '../../src/build/archive/archives.ts';
import type { Pins } from '../../src/build/archive/closure.ts';
import { bootstrap, pinnedPreferences } from '../../src/build/bootstrap.ts';
import { BuildLog } from '../../src/build/build-log.ts';
import { Chroot, TREE } from '../../src/build/chroot.ts';
import { hostMirror, sourcesFor, sourcesList } from '../../src/build/distributions/debian.ts';
import { packageEpoch } from '../../src/build/epoch.ts';
import { keySteps } from '../../src/build/layers/keys.ts';
import { Layers } from '../../src/build/layers/layers.ts';
import { clearTree } from '../../src/build/layers/snapshot.ts';
import { LayerStore } from '../../src/build/layers/store.ts';
import { sealTree } from '../../src/build/seal.ts';
import { createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { run } from '../../src/host/process.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const PACKAGES = ['ca-certificates', 'curl', 'libpng16-16', 'openssh-sftp-server', 'sudo'];

/** Versions that the archive has beside newer ones. */
const EARLIER: Pins = {
  curl: '7.88.1-10+deb12u5',
  libcurl4: '7.88.1-10+deb12u5',
  'libpng16-16': '1.6.39-2+deb12u5',
};

/** All that an image keeps of a tree, with times as it has them. */
const LIST = `cd "$1"
set -f
others='! -path ./var/lib/apt/* ! -path ./var/cache/apt/* ! -path ./etc/apt/preferences.d/*'
find . -xdev $others \\
  -printf '%P\\t%y %m %U %G %n %l\\t%Ts\\0' | LC_ALL=C sort -z | tr '\\0' '\\n'
find . -xdev -type f $others -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
`;

/** Trees of a few real packages, of which the archive has two versions each, and the layers of their builds. */
describe('a package update', () => {
  let folder: string;
  let draft: string;
  let workshop: OpenWorkshop;
  let log: BuildLog;
  const { context, said } = recordingContext({ env: process.env, now: () => new Date() });

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-update-');
    draft = join(folder, 'draft');
    await mkdir(draft);
    log = new BuildLog(context, join(folder, 'build.log'));
    const downloads = join(places(createContext({ env: process.env })).cache, 'downloads/debian/archives');
    const prepare = async (work: string) => {
      await mkdir(join(work, 'elements/hooks'), { recursive: true });
      await mkdir(downloads, { recursive: true });
      await run(['cp', '-r', downloads, join(work, 'downloads/archives')]);
    };
    workshop = await openOwnWorkshop(context, prepare, draft);
  });

  afterAll(async () => {
    await workshop?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const sources = async () => {
    const mirror = await hostMirror();
    if (mirror === undefined) throw new Error("the host's apt knows no Debian archive");
    return sourcesFor('bookworm', mirror);
  };

  const versions = async (pins: Pins) =>
    (await (await new Archives(context, pins).at(await sources(), 'amd64')).closure(['apt', ...PACKAGES]))
      .files;

  const makeTree = async (pins: Pins) =>
    bootstrap(workshop.sandbox, {
      ...{ suite: 'bookworm', packages: PACKAGES, sources: sourcesList(await sources()), fstab: '' },
      ...{
        filesystem: 'ext4',
        documentation: false,
        preferences: pinnedPreferences(pins),
        name: 'update',
        patience: 30,
      },
      onLine: line => log.line('mmdebstrap', line),
    });

  const stepsOf = (packages: Readonly<Record<string, string>>) =>
    keySteps(packages, [
      { place: 'bootstrap', ingredients: 1 },
      { place: 'settle', ingredients: 1 },
    ]);

  const layerOf = (packages: Readonly<Record<string, string>>) =>
    new LayerStore(context, folder).find(stepsOf(packages)[0]?.key ?? '');

  const refuse = () => Promise.reject(new Error('a new bootstrap'));

  /** Brings the tree to these versions as a build does. @param make a new tree */
  async function build(packages: Readonly<Record<string, string>>, make: () => Promise<void>): Promise<void> {
    const { sandbox } = workshop;
    const chroot = await Chroot.open(sandbox, 'update');
    try {
      await clearTree(sandbox);
      const steps = stepsOf(packages);
      const layers = await Layers.start(
        { context, sandbox, chroot, log },
        {
          ...{ store: new LayerStore(context, folder), draft, age: 3_600_000, line: 'x', engine: 1, steps },
          ...{ bound: { hooks: 'h', disk: 'd' }, lists: [], declared: new Map() },
          bootstrap: { basis: 'b', packages },
        },
      );
      await layers.bootstrap(make);
      await layers.finish();
    } finally {
      await chroot.close();
    }
  }

  /** The tree as an image has it. */
  async function sealed(): Promise<string[]> {
    const { sandbox } = workshop;
    await sealTree(sandbox);
    const epoch = await packageEpoch(sandbox);
    const { stdout } = await sandbox.run(['sh', '-c', LIST, 'list', TREE]);
    const clamp = (row: string) =>
      row.replace(/\t(\d+)$/, (_all, time) => `\t${Math.min(Number(time), epoch)}`);
    return stdout.split('\n').map(clamp);
  }

  it('is put into the last bootstrap, and gives what a new one gives', async () => {
    const packages = await versions({});
    await build(await versions(EARLIER), () => makeTree(EARLIER));
    await build(packages, refuse);
    expect(await layerOf(packages)).toBeUndefined();
    // A second time: from now on it is at hand as it is.
    await build(packages, refuse);
    expect((await layerOf(packages))?.trace?.packages).toEqual(packages);
    const updated = await sealed();
    await clearTree(workshop.sandbox);
    await makeTree({});
    const made = await sealed();
    expect(updated.filter(row => !made.includes(row))).toEqual([]);
    expect(made.filter(row => !updated.includes(row))).toEqual([]);
  });

  it('is a new bootstrap where something else comes along', async () => {
    const { curl: _gone, ...packages } = await versions({});
    await expect(build(packages, refuse)).rejects.toThrow('a new bootstrap');
    expect(said.join('\n')).toContain('a new bootstrap: curl is gone');
    const left = await workshop.sandbox.run(['ls', TREE], { accept: [0, 2] });
    expect(left.stdout).toBe('');
  });
});
