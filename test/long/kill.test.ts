import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, makeBed, WARM, type WholeBuild, wholeBuild } from '../end-to-end/bed.ts';
import { BUILDS, type Build, killAt, type Point, readyFor } from '../end-to-end/killing.ts';
import { random, seedOf } from '../end-to-end/random.ts';

/** `KILL_COUNT=200 KILL_SEED=1 npm run test:long -- test/long/kill.test.ts` */
const COUNT = Number(process.env.KILL_COUNT ?? 200);

/** What part of the random points lies in which build. */
const SHARES: Readonly<Record<Build, number>> = { cold: 0.25, first: 0.15, 'from layers': 0.6 };

const seed = seedOf('KILL_SEED');
const draw = random(seed);

const CALLERS = ['root', 'sudo'] as const;

describe(`SIGKILL, KILL_SEED=${seed}`, () => {
  const beds: Bed[] = [];

  beforeAll(async () => {
    for (const caller of CALLERS) beds.push(await makeBed({ asUser: caller === 'sudo', warm: true }));
  });

  afterAll(async () => {
    for (const bed of beds) await bed.remove();
  });

  /** Both callers at once, as two users of one host would. */
  async function bothKill(choose: (build: Build, whole: WholeBuild) => Point[]): Promise<number> {
    const rounds = beds.map((bed, index) => killAll(bed, CALLERS[index] ?? '', choose));
    return (await Promise.all(rounds)).reduce((all, one) => all + one, 0);
  }

  it(`at ${COUNT} random points leaves nothing`, async () => {
    const killed = await bothKill((build, { seconds }) =>
      Array.from({ length: Math.ceil((COUNT / CALLERS.length) * SHARES[build]) }, () => ({
        build,
        steps: 0,
        seconds: seconds * draw(),
      })),
    );
    expect(killed).toBeGreaterThanOrEqual(COUNT);
  });

  it('at the boundary of every step leaves nothing', async () => {
    const killed = await bothKill((build, { steps }) =>
      boundaries(build, steps).map(count => ({ build, steps: count, seconds: 0 })),
    );
    expect(killed).toBeGreaterThan(50);
  });
});

/** Of builds that begin alike the steps up to where they part, and of the shortest one all. */
function boundaries(build: Build, steps: readonly string[]): number[] {
  const all = steps.map((_line, index) => index + 1);
  const last = build === 'cold' ? /^== bootstrap: / : /^== layer after .*: /;
  return build === 'from layers' ? all : all.slice(0, steps.findLastIndex(line => last.test(line)) + 1);
}

/** Kills at the points chosen of each way to build, and tells of each as it happens. @returns how many */
async function killAll(
  bed: Bed,
  caller: string,
  choose: (build: Build, whole: WholeBuild) => Point[],
): Promise<number> {
  const places: string[] = [];
  for (const build of BUILDS) {
    const whole = await wholeBuild(bed, await readyFor(bed, build));
    await rm(whole.bundle, { recursive: true });
    for (const point of choose(build, whole)) {
      places.push(`${build}: ${await killAt(bed, point)}`);
      console.log(`${caller}: kill ${places.length}, ${places.at(-1)}`);
    }
  }
  // The layers that stand after so many deaths still serve.
  const { output } = await wholeBuild(bed, WARM);
  expect(output).not.toContain('damaged');
  return places.length;
}
