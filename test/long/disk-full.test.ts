import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { addElement, type Bed, makeBed, startBuild, WARM, wholeBuild } from '../end-to-end/bed.ts';
import { expectNothingFinished, fillAt, fillWhen, withSmallDisk } from '../end-to-end/filling.ts';
import { leftovers, workDirectories } from '../end-to-end/leftovers.ts';
import type { Ended } from '../end-to-end/program.ts';

const FORMS = ['qcow2', 'raw', 'raw.zst', 'squashfs', 'tar'];

/** How often the forms are met with, which are made beside the inventory: FULL_COUNT=20 for a search. */
const COUNT = Number(process.env.FULL_COUNT ?? 3);

const named = (place: string) =>
  new RegExp(
    `^error: the disk is full in ${place}\\S*, where \\d+\\.\\d GiB are needed \\(.+\\): free `,
    'm',
  );

describe('a disk that fills up at any step', () => {
  let bed: Bed;
  let steps: string[];

  beforeAll(async () => {
    bed = await makeBed({ warm: true });
    await appendFile(join(bed.place, 'factory/factory.yaml'), `    forms: [${FORMS.join(', ')}]\n`);
    // The second one starts where all later ones do.
    for (let count = 0; count < 2; count++) {
      const whole = await wholeBuild(bed, WARM);
      const begun = whole.steps.filter(line => !/: |seconds|layer after/.test(line));
      steps = [...new Set(begun.map(line => line.slice(3)))];
      await rm(whole.bundle, { recursive: true });
    }
  });

  afterAll(() => bed?.remove());

  /** Builds onto a disk of its own that fills up; nothing of it stays but its log. */
  async function filled(build: (own: Bed) => Promise<Ended>): Promise<string> {
    const own = { ...bed, output: join(bed.place, 'small-output') };
    const said = await withSmallDisk(own.output, '4g', async () => {
      const { status, output } = await build(own);
      expect([status, output]).toEqual([3, expect.stringMatching(named(own.output))]);
      await expectNothingFinished(own, output);
      return output;
    });
    expect(await leftovers(bed.place)).toEqual([]);
    return said;
  }

  it('of the results ends the build with status 3 and what is needed there', async () => {
    expect(steps).toEqual(expect.arrayContaining([...FORMS.filter(form => form !== 'raw'), 'disk', 'seal']));
    for (const step of steps) {
      const said = await filled(own => fillAt(step, own.output, own, WARM));
      console.log(`full at ${step}: ${/^error: .*/m.exec(said)?.[0]}`);
    }
    await filled(own => fillAt('bootstrap', own.output, own));
  });

  it('while a form and the inventory are made side by side never hides why', async () => {
    for (let count = 0; count < COUNT; count++)
      for (const step of ['qcow2', 'inventory', 'squashfs'])
        await filled(own => fillAt(step, own.output, own, WARM));
  });

  /** The bed with a cache on a disk of its own, which has the tools tree already, or nothing. */
  async function inSmallCache(
    tools: boolean,
    body: (own: Bed, cache: string) => Promise<void>,
  ): Promise<void> {
    const cache = join(bed.place, 'small-cache');
    const output = join(bed.place, 'out-small-cache');
    await mkdir(output, { recursive: true });
    const of = (name: string) => join(cache, 'image-factory', name);
    const own = { ...bed, output, downloads: of('downloads/debian'), layers: of('layers') };
    await withSmallDisk(cache, '4g', async () => {
      await mkdir(of(''), { recursive: true });
      const from = join(bed.env.XDG_CACHE_HOME ?? '', 'image-factory/tools');
      if (tools) await run(['cp', '-a', '--', from, of('')]);
      await body({ ...own, env: { ...own.env, XDG_CACHE_HOME: cache } }, cache);
    });
    expect(await leftovers(bed.place)).toEqual([]);
    await rm(output, { recursive: true });
  }

  it('of the cache ends it at the first package list', () =>
    inSmallCache(true, async (own, cache) => {
      const { status, output } = await fillWhen(async () => true, cache, own);
      expect([status, output]).toEqual([3, expect.stringMatching(/^error: .*(the disk is full|are free)/m)]);
      expect(await readdir(own.output)).not.toContain('small-12');
    }));

  it('of the cache ends the making of the tools tree, and leaves none', () =>
    inSmallCache(false, async (own, cache) => {
      const tools = join(cache, 'image-factory/tools');
      const grows = async () => {
        const [work = '.'] = await workDirectories(tools);
        return (await readdir(join(tools, work, 'tree/usr/bin')).catch(() => [])).length > 20;
      };
      const { status, output } = await fillWhen(grows, cache, own);
      expect([status, output]).toEqual([3, expect.stringMatching(named(cache))]);
      await expectNothingFinished(own, output);
      expect(await readdir(tools)).toEqual([]);
    }));

  it('of the cache, while a layer is written, costs the layer and not the build', () =>
    inSmallCache(true, async (own, cache) => {
      const { status, output } = await fillAt('layer after bootstrap', cache, own, WARM);
      expect([status, output]).toEqual([0, expect.stringMatching(/no layer is kept after bootstrap: /)]);
      expect((await readdir(own.layers)).filter(name => name !== 'lines')).toEqual([]);
    }));

  it('of the cache that has no room for layers refuses the build that would leave them', () =>
    inSmallCache(true, async (own, cache) => {
      await run(['mount', '-o', 'remount,size=1g', cache]);
      await run(['fallocate', '-l', '600M', join(cache, 'other')]);
      const { status, output } = await startBuild(own, WARM).ended;
      const refused =
        /^error: the build needs \d\.\d GiB in \S+ \(downloads and tools, layers\), where only/m;
      expect([status, output]).toEqual([3, expect.stringMatching(refused)]);
    }));

  /** An element whose script fills the tree from inside. */
  const HOG = '#!/bin/sh\nset -e\ndd if=/dev/zero of=/hog bs=1M count=20000\n';

  async function hogged(): Promise<Bed> {
    const own = { ...bed, place: join(bed.place, 'hogged') };
    await mkdir(own.place);
    await cp(join(bed.place, 'factory'), join(own.place, 'factory'), { recursive: true });
    await addElement(own, 'hog', { 'install.d/50-hog': HOG });
    return own;
  }

  it('of the tree in memory ends it with the size that a tree may have', async () => {
    const own = await hogged();
    const { status, output } = await startBuild(own, WARM).ended;
    const line = /^error: the root tree has filled the 6\.0 GiB of memory that a tree may take: /m;
    expect([status, output]).toEqual([3, expect.stringMatching(line)]);
    expect(output).toMatch(/hog/);
    await rm(own.place, { recursive: true });
  });

  it('of the tree on disk, where there is little memory, ends it with what is needed', async () => {
    const own = await hogged();
    const poor = join(own.place, 'meminfo');
    const told = await readFile('/proc/meminfo', 'utf8');
    await writeFile(poor, told.replace(/^MemAvailable:.*/m, 'MemAvailable: 2000000 kB'));
    const program = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount --bind "$0" /proc/meminfo; exec "$@"',
      poor,
      ...own.program,
    ];
    await filled(small => startBuild({ ...own, ...small, place: own.place, program }, WARM).ended);
    await rm(own.place, { recursive: true });
  });
});
