import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, killAt, makeBed, type Point, wholeBuild } from '../end-to-end/killing.ts';
import { random, seedOf } from '../end-to-end/random.ts';

/** `KILL_COUNT=200 KILL_SEED=1 npm run test:long -- test/long/kill.test.ts` */
const COUNT = Number(process.env.KILL_COUNT ?? 200);
const seed = seedOf('KILL_SEED');
const draw = random(seed);

describe(`SIGKILL, KILL_SEED=${seed}`, () => {
  describe.each([
    ['by root', false],
    ['through sudo', true],
  ])('%s', (_how, asUser) => {
    let bed: Bed;
    let whole: { steps: string[]; seconds: number };

    beforeAll(async () => {
      bed = await makeBed(asUser);
      whole = await wholeBuild(bed);
    });

    afterAll(() => bed?.remove());

    it(`at ${COUNT / 2} random points of a whole build leaves nothing`, async () => {
      await killAll(
        bed,
        Array.from({ length: COUNT / 2 }, () => ({ steps: 0, seconds: whole.seconds * draw() })),
      );
    });

    it('at the boundary of every step leaves nothing', async () => {
      expect(whole.steps.length).toBeGreaterThan(20);
      await killAll(
        bed,
        whole.steps.map((_line, index) => ({ steps: index + 1, seconds: 0 })),
      );
    });
  });
});

/** Tells how often it killed in which step, and that the next build works. */
async function killAll(bed: Bed, points: readonly Point[]): Promise<void> {
  const counts = new Map<string, number>();
  for (const point of points) {
    const where = await killAt(bed, point);
    counts.set(where, (counts.get(where) ?? 0) + 1);
  }
  await wholeBuild(bed);
  console.log(
    `${points.length} kills\n${[...counts].map(([where, count]) => `${count} ${where}`).join('\n')}`,
  );
}
