import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, killAt, makeBed, type Point, wholeBuild } from '../end-to-end/killing.ts';
import { random, seedOf } from '../end-to-end/random.ts';

/** `KILL_COUNT=200 KILL_SEED=1 npm run test:long -- test/long/kill.test.ts` */
const COUNT = Number(process.env.KILL_COUNT ?? 200);
const seed = seedOf('KILL_SEED');
const draw = random(seed);

const CALLERS = ['root', 'sudo'] as const;

describe(`SIGKILL, KILL_SEED=${seed}`, () => {
  const beds: Bed[] = [];

  beforeAll(async () => {
    for (const caller of CALLERS) beds.push(await makeBed(caller === 'sudo'));
  });

  afterAll(async () => {
    for (const bed of beds) await bed.remove();
  });

  // Both callers at once, as two users of one host would.
  it(`at ${COUNT} random points and at the boundary of every step leaves nothing`, async () => {
    const rounds = beds.map(async (bed, index) => killAll(bed, CALLERS[index] ?? ''));
    for (const { points, counts } of await Promise.all(rounds)) {
      expect(counts.length).toBe(points.length);
      expect(points.filter(({ seconds }) => seconds === 0).length).toBeGreaterThan(20);
    }
  });
});

/** Half of the random points and every boundary, mixed; tells of each kill as it happens. */
async function killAll(bed: Bed, caller: string): Promise<{ points: Point[]; counts: string[] }> {
  const whole = await wholeBuild(bed);
  const drawn = Array.from({ length: COUNT / 2 }, () => ({ steps: 0, seconds: whole.seconds * draw() }));
  const boundaries = whole.steps.map((_line, index) => ({ steps: index + 1, seconds: 0 }));
  const points = shuffled([...drawn, ...boundaries]);
  const counts: string[] = [];
  for (const point of points) {
    counts.push(await killAt(bed, point));
    console.log(`${caller}: kill ${counts.length} of ${points.length} ${counts.at(-1)}`);
  }
  await wholeBuild(bed);
  return { points, counts };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map(item => ({ item, key: draw() }))
    .sort((one, two) => one.key - two.key)
    .map(({ item }) => item);
}
