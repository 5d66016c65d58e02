import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { type Bed, makeBed, startBuild } from './bed.ts';
import { expectNothingFinished, fillAt, withSmallDisk } from './filling.ts';
import { leftovers, visibleFiles, workDirectories } from './leftovers.ts';

const isRoot = process.getuid?.() === 0;

/** Steps at whose begin the disk of the results fills up; test/long has all of them, and the other disks. */
const STEPS = ['bootstrap', 'disk', 'digests'];

describe.runIf(isRoot)('a disk that fills up', () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await makeBed();
  });

  afterAll(() => bed?.remove());

  it.concurrent.each(STEPS)(
    'at the begin of %s ends the build with status 3 and a line that names it',
    async step => {
      const output = join(bed.place, `out-${step}`);
      const own = { ...bed, output };
      await withSmallDisk(output, '3g', async () => {
        const { status, output: said } = await fillAt(step, output, own);
        expect([status, said]).toEqual([
          3,
          expect.stringMatching(/^error: .*(the disk is full|ENOSPC|no space)/im),
        ]);
        await expectNothingFinished(own, said);
      });
      expect(await leftovers(output)).toEqual([]);
    },
  );

  it.concurrent('of the downloads does so too', async () => {
    const cache = join(bed.place, 'small-cache');
    const output = join(bed.place, 'out-cache');
    await mkdir(output);
    const own = { ...bed, output, env: { ...bed.env, XDG_CACHE_HOME: cache } };
    await withSmallDisk(cache, '3g', async () => {
      await run(['cp', '-a', '--', join(bed.env.XDG_CACHE_HOME ?? '', 'image-factory'), cache]);
      await rm(join(cache, 'image-factory/downloads'), { recursive: true, force: true });
      const { status, output: said } = await fillAt('bootstrap', cache, own);
      expect([status, said]).toEqual([3, expect.stringContaining(`the disk is full in ${cache}`)]);
      await expectNothingFinished(own, said);
    });
    expect(await leftovers(cache)).toEqual([]);
  });

  it('that is small from the first is refused before anything is done, with what is needed and what there is', async () => {
    const output = join(bed.place, 'out-small');
    await withSmallDisk(output, '100m', async () => {
      const { status, output: said } = await startBuild({ ...bed, output }).ended;
      expect(status).toBe(3);
      expect(said).toMatch(
        /the build needs \d\.\d GiB in \S+out-small\S* \(the bundle.*\), where only 0\.1 GiB are free/,
      );
      expect(await visibleFiles(output)).toEqual([]);
      expect(await workDirectories(output)).toEqual([]);
    });
  });
});
