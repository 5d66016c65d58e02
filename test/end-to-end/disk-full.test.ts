import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { type Bed, makeBed, startBuild } from './bed.ts';
import { stepsSoFar } from './killing.ts';
import { failedLogs, leftovers, visibleFiles, workDirectories } from './leftovers.ts';

const isRoot = process.getuid?.() === 0;

/** Steps at whose begin the disk of the results fills up; FULL_AT=step,step names others, for a run by hand. */
const STEPS = process.env.FULL_AT?.split(',') ?? ['bootstrap', 'disk', 'digests'];

describe.runIf(isRoot)('a disk that fills up', () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await makeBed();
  });

  afterAll(() => bed?.remove());

  /** A file system in memory at path, for as long as body runs. */
  async function withSmallDisk<T>(path: string, size: string, body: () => Promise<T>): Promise<T> {
    await mkdir(path, { recursive: true });
    await run(['mount', '-t', 'tmpfs', '-o', `size=${size},mode=755`, 'image-factory-test', path]);
    try {
      return await body();
    } finally {
      // Something may still be at work there when a test fails: its disk goes with the last of it.
      await run(['umount', path]).catch(() => run(['umount', '--lazy', path]));
    }
  }

  /** Builds into a folder of its own, and lets `disk` be full from the begin of a step on. */
  async function fill(step: string, disk: string, own: Bed): Promise<{ status: number; said: string }> {
    const build = startBuild(own);
    while (!build.isOver() && !(await stepsSoFar(own)).includes(`== ${step}`)) await delay(3);
    const { blocks, bfree, bsize } = await statfs(disk);
    await run(['mount', '-o', `remount,size=${(blocks - bfree) * bsize}`, disk]);
    const { status, output } = await build.ended;
    return { status, said: output };
  }

  async function expectNothingFinished(own: Bed, said: string): Promise<void> {
    expect(await visibleFiles(own.output)).toEqual([]);
    const files = await failedLogs(own.output);
    expect(files).toHaveLength(1);
    expect(said).toContain(`the whole log: ${join(own.output, files[0] ?? '')}`);
    expect(await readFile(join(own.output, files[0] ?? ''), 'utf8')).toContain('== bootstrap');
    expect(await workDirectories(own.output)).toEqual([]);
  }

  it.concurrent.each(STEPS)(
    'at the begin of %s ends the build with status 3 and a line that names it',
    async step => {
      const output = join(bed.place, `out-${step.replaceAll('/', '-')}`);
      const own = { ...bed, output };
      await withSmallDisk(output, '3g', async () => {
        const { status, said } = await fill(step, output, own);
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
      const { status, said } = await fill('bootstrap', cache, own);
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
