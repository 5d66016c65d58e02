import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, killAt, makeBed, type Point, wholeBuild } from './killing.ts';
import { random, seedOf } from './random.ts';

const isRoot = process.getuid?.() === 0;

describe('a build killed by SIGKILL', () => {
  const seed = seedOf('KILL_SEED');
  const draw = random(seed);
  const drawn = (count: number, steps: number, longest: number): Point[] =>
    Array.from({ length: count }, () => ({ steps, seconds: longest * draw() }));
  // Most come early, where a run costs little: before the log, in the bootstrap, at its borders, and after it.
  const points = [0, 1].map(() => [
    ...[...drawn(3, 0, 2), ...drawn(3, 1, 6)],
    ...[1, 2, 3].map(steps => ({ steps, seconds: 0 })),
    ...drawn(1, 3, 6),
  ]);
  const beds: Bed[] = [];

  beforeAll(async () => {
    console.log(`KILL_SEED=${seed}`);
    beds.push(await makeBed());
    if (isRoot) beds.push(await makeBed(true));
  });

  afterAll(async () => {
    for (const bed of beds) await bed.remove();
  });

  // Both at once, as two users of one host would.
  it('leaves nothing behind at 20 points, by root and through sudo, and the next build clears its place', async () => {
    const rounds = beds.map(async (bed, index) => {
      const places: string[] = [];
      for (const point of points[index] ?? []) places.push(await killAt(bed, point));
      await wholeBuild(bed);
      return places;
    });
    for (const places of await Promise.all(rounds)) {
      expect(places.length).toBe(10);
      console.log(`killed ${places.join(', ')}`);
    }
  });
});
