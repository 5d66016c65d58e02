import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../src/bundle/manifest.ts';
import { addElement, type Bed, makeBed, startBuild } from './bed.ts';
import { type Canaries, plantCanaries } from './canaries.ts';
import { leftovers, workDirectories } from './leftovers.ts';

/** Where the spy looks: outside the chroot, inside, and outside again when the tree is done. */
const PHASES = ['extra-data.d', 'install.d', 'cleanup.d'];

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('two builds at the same time, of an element that spies', () => {
  let bed: Bed;
  let canaries: Canaries;
  let bundles: string[] = [];

  beforeAll(async () => {
    const made = await makeBed();
    canaries = await plantCanaries(made.env.HOME ?? '');
    bed = { ...made, env: { ...made.env, ...canaries.env } };
    await addElement(
      bed,
      'spy',
      Object.fromEntries(PHASES.map(phase => [`${phase}/50-spy`, canaries.script])),
    );
  });

  afterAll(async () => {
    await canaries?.remove();
    await bed?.remove();
  });

  it('with the same output and the same downloads, empty at first, do not disturb each other', async () => {
    const builds = [startBuild(bed), startBuild(bed)];
    for (const { status, output } of await Promise.all(builds.map(each => each.ended)))
      expect([status, output]).toEqual([0, expect.anything()]);
    const folder = join(bed.output, 'small-12');
    const names = (await readdir(folder)).sort();
    expect(names.map(name => name.replace(/^\d{8}/, 'DAY'))).toEqual(['DAY.1-amd64', 'DAY.2-amd64']);
    bundles = names.map(name => join(folder, name));
    expect(await workDirectories(bed.output)).toEqual([]);
    expect(await readdir(bed.downloads)).toEqual(['archives']);
    expect(await leftovers(bed.place)).toEqual([]);
  });

  it('make the same bytes', async () => {
    const [one, two] = await Promise.all(bundles.map(readManifest));
    expect(one?.inputDigest).toBe(two?.inputDigest);
    expect(one?.diskDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(one?.diskDigest).toBe(two?.diskDigest);
    expect(one?.files.map(each => each.sha256)).toEqual(two?.files.map(each => each.sha256));
  });

  it('let the element find no file, process, socket, device, loopback or metadata service of the host', async () => {
    for (const bundle of bundles) {
      const log = await readFile(join(bundle, 'core/logs/build.log'), 'utf8');
      expect(log.split('\n').filter(line => line === 'spy: looked everywhere')).toHaveLength(PHASES.length);
      expect(log.split('\n').filter(line => line.startsWith('spy: found'))).toEqual([]);
    }
    expect(canaries.visitors()).toBe(0);
  });
});
