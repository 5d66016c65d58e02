import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { type Bed, makeBed, startBuild } from './bed.ts';
import { type Fault, FaultMirror } from './fault-mirror.ts';
import { failedLogs, leftovers, visibleFiles, workDirectories } from './leftovers.ts';
import type { Ended } from './program.ts';

const isRoot = process.getuid?.() === 0;

/** Seconds that the mirror is given here; test/long gives it the default. */
const PATIENCE = 4;

/** What a mirror does wrong for ever, in a package that every image needs, and what we say of it. */
const CASES: readonly (readonly [Fault, string, RegExp])[] = [
  ['503', 'grep', / 503 /],
  ['truncated', 'sed', /Failed to fetch/],
  ['wrong', 'tar', /Hash Sum mismatch|unexpected size/],
  ['hanging', 'gzip', /timed out|Failed to fetch/],
  ['slow', 'bash', /gave less than 32 KiB\/s for 4 s/],
];

/** What it does wrong at first, attempt by attempt. */
const AT_FIRST: Readonly<Record<string, readonly Fault[]>> = {
  InRelease: ['503'],
  dpkg: ['503', '503'],
  coreutils: ['truncated'],
  findutils: ['hanging'],
};

const nameOf = (path: string) => basename(path).split('_')[0] ?? '';

interface Case {
  readonly bed: Bed;
  readonly seconds: number;
  readonly ended: Ended;
}

/** All builds at once: they wait more than they work. */
describe.runIf(isRoot)('a mirror that errs', () => {
  let folder: string;
  let mirror: FaultMirror;
  let bed: Bed;
  let cases: Map<string, Case>;

  /** A build in the mirror's network, with a cache of its own that lacks some packages. */
  async function build(name: string, missing: readonly string[]): Promise<[string, Case]> {
    const cache = join(bed.place, `cache-${name}`);
    const output = join(bed.place, `out-${name}`);
    await mkdir(output);
    await run(['cp', '-a', '--link', '--', bed.env.XDG_CACHE_HOME ?? '', cache]);
    const downloads = join(cache, 'image-factory/downloads/debian');
    for (const each of await readdir(join(downloads, 'archives')))
      if (missing.includes(nameOf(each))) await rm(join(downloads, 'archives', each));
    await rm(join(cache, 'image-factory/package-lists'), { recursive: true, force: true });
    const own = { ...bed, output, downloads, env: { ...bed.env, XDG_CACHE_HOME: cache } };
    const words = ['--mirror', FaultMirror.ADDRESS, '--mirror-timeout', String(PATIENCE)];
    const start = Date.now();
    const ended = await startBuild(own, words).ended;
    return [name, { bed: own, ended, seconds: (Date.now() - start) / 1000 }];
  }

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-mirror-');
    mirror = await FaultMirror.open(folder);
    const made = await makeBed({ warm: true });
    bed = { ...made, program: [...mirror.inside, ...made.program] };
    const forEver = new Map(CASES.map(([fault, name]) => [name, fault]));
    mirror.faults = (path, attempt) =>
      forEver.get(nameOf(path)) ?? AT_FIRST[nameOf(path)]?.[attempt] ?? 'none';
    const builds = CASES.map(([, name]) => build(name, [name]));
    cases = new Map(await Promise.all([...builds, build('whole', Object.keys(AT_FIRST))]));
  });

  afterAll(async () => {
    await mirror?.close();
    await bed?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('is asked again, and the image is made, when it errs for a while', () => {
    const whole = cases.get('whole');
    expect(whole?.ended).toEqual({ status: 0, output: expect.stringContaining('done after') });
    for (const [name, faults] of Object.entries(AT_FIRST))
      expect(mirror.log.filter(({ path }) => nameOf(path) === name).map(each => each.fault)).toEqual(
        expect.arrayContaining([...faults, 'none']),
      );
  });

  it.each(CASES)('ends a build with one line and status 4 for ever %s', async (fault, name, why) => {
    const { ended, seconds, bed: own } = cases.get(name) as Case;
    const { status, output } = ended;
    const errors = output.split('\n').filter(line => line.startsWith('error: '));
    expect([status, errors]).toEqual([4, [expect.stringMatching(why)]]);
    expect(mirror.log.filter(({ path }) => nameOf(path) === name).map(each => each.fault)).toContain(fault);
    expect(seconds).toBeLessThan(120);
    expect(await visibleFiles(own.output)).toEqual([]);
    const [log, ...others] = await failedLogs(own.output);
    expect(others).toEqual([]);
    expect(output).toContain(join(own.output, log ?? ''));
    expect(await readFile(join(own.output, log ?? ''), 'utf8')).toMatch(
      /^== failed: .*\n== seconds by step\n/m,
    );
    expect(await workDirectories(own.output)).toEqual([]);
    expect(await leftovers(own.output)).toEqual([]);
  });
});
