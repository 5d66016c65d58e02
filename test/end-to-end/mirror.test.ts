import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { type Bed, makeBed, startBuild } from './bed.ts';
import { type Fault, FaultMirror } from './fault-mirror.ts';
import { failedLogs, leftovers, visibleFiles, workDirectories } from './leftovers.ts';

const isRoot = process.getuid?.() === 0;

/** Seconds that the mirror is given here. */
const PATIENCE = 4;

/** What a mirror does wrong for ever, in a package that every image needs, and what we say of it. */
const CASES: readonly (readonly [Fault, string, RegExp])[] = [
  ['503', 'grep', /503/],
  ['truncated', 'sed', /Failed to fetch/],
  ['wrong', 'tar', /Hash Sum mismatch|unexpected size/],
  ['hanging', 'gzip', /timed out|Failed to fetch/],
  ['slow', 'bash', /gave less than 32 KiB\/s for 4 s/],
];

const nameOf = (path: string) => basename(path).split('_')[0] ?? '';

describe.runIf(isRoot)('a mirror that errs', () => {
  let folder: string;
  let mirror: FaultMirror;
  let bed: Bed;

  /** The bed's build in the mirror's network, with a cache of its own that lacks one package. */
  async function caseOf(missing: string): Promise<Bed> {
    const cache = join(bed.place, `cache-${missing}`);
    const output = join(bed.place, `out-${missing}`);
    await mkdir(output);
    await run(['cp', '-a', '--link', '--', bed.env.XDG_CACHE_HOME ?? '', cache]);
    const downloads = join(cache, 'image-factory/downloads/debian');
    for (const name of await readdir(join(downloads, 'archives')))
      if (nameOf(name) === missing) await rm(join(downloads, 'archives', name));
    return { ...bed, output, downloads, env: { ...bed.env, XDG_CACHE_HOME: cache } };
  }

  async function build(own: Bed): Promise<{ status: number; said: string }> {
    const words = ['--mirror', FaultMirror.ADDRESS, '--mirror-timeout', String(PATIENCE)];
    const { status, output } = await startBuild(own, words).ended;
    return { status, said: output };
  }

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-mirror-');
    mirror = await FaultMirror.open(folder);
    const made = await makeBed();
    bed = { ...made, program: [...mirror.inside, ...made.program] };
  });

  afterAll(async () => {
    await mirror?.close();
    await bed?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('is asked again, and the image is made, when it errs for a while', async () => {
    const faults: Record<string, readonly Fault[]> = {
      InRelease: ['503'],
      grep: ['503', '503'],
      sed: ['truncated'],
      gzip: ['hanging'],
    };
    mirror.err((path, attempt) => faults[nameOf(path)]?.[attempt] ?? 'none');
    const { status, said } = await build(bed);
    expect([status, said]).toEqual([0, expect.stringContaining('done after')]);
    for (const fault of ['503', 'truncated', 'hanging'] as const)
      expect([fault, mirror.count(fault)]).not.toEqual([fault, 0]);
  });

  it.concurrent.each(CASES)(
    'ends a build with one line and status 4 for ever %s',
    async (fault, name, why) => {
      mirror.faults = path => CASES.find(([, missing]) => missing === nameOf(path))?.[0] ?? 'none';
      const own = await caseOf(name);
      const start = Date.now();
      const { status, said } = await build(own);
      expect([status, said]).toEqual([4, expect.stringMatching(why)]);
      // What it was caused by stands below it, indented.
      expect(said.split('\n').filter(line => !line.startsWith(' ') && why.test(line))).toHaveLength(1);
      expect(mirror.count(fault)).toBeGreaterThan(0);
      expect(Date.now() - start).toBeLessThan(120_000);
      expect(await visibleFiles(own.output)).toEqual([]);
      const [log, ...others] = await failedLogs(own.output);
      expect(others).toEqual([]);
      expect(said).toContain(join(own.output, log ?? ''));
      expect(await readFile(join(own.output, log ?? ''), 'utf8')).toMatch(
        /^== failed: .*\n== seconds by step\n/m,
      );
      expect(await workDirectories(own.output)).toEqual([]);
      expect(await leftovers(own.output)).toEqual([]);
    },
  );
});
