import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addElement, type Bed, makeBed, WARM, wholeBuild } from './bed.ts';
import { type Build, killAt, type Point } from './killing.ts';
import { random, seedOf } from './random.ts';

const isRoot = process.getuid?.() === 0;

/** Takes so long that the tree is worth a layer. */
const SLOW = '#!/bin/sh\nsleep 2.5\n';

/** Lines of the log of a build from the layer after the bootstrap, until it writes the one after SLOW. */
const WRITING = 7;

describe('a build killed by SIGKILL', () => {
  const seed = seedOf('KILL_SEED');
  const draw = random(seed);
  const drawn = (count: number, build: Build, steps: number, longest: number): Point[] =>
    Array.from({ length: count }, () => ({ build, steps, seconds: longest * draw() }));
  // Where a run costs little: before the log, in the bootstrap, and, from a layer, all that comes after it.
  const points = [0, 1].map(() => [
    ...[...drawn(2, 'cold', 0, 1.5), ...drawn(2, 'cold', 1, 4)],
    ...[...drawn(2, 'from layers', WRITING, 0.8), ...drawn(4, 'from layers', 0, 8)],
  ]);
  const beds: Bed[] = [];

  beforeAll(async () => {
    console.log(`KILL_SEED=${seed}`);
    beds.push(await makeBed({ warm: true }));
    if (isRoot) beds.push(await makeBed({ warm: true, asUser: true }));
    for (const bed of beds) await addElement(bed, 'slow', { 'install.d/50-slow': SLOW });
  });

  afterAll(async () => {
    for (const bed of beds) await bed.remove();
  });

  // Both at once, as two users of one host would.
  it('leaves nothing behind at 20 points, by root and through sudo, and the next build clears its place', async () => {
    const rounds = beds.map(async (bed, index) => {
      const places: string[] = [];
      for (const point of points[index] ?? []) places.push(await killAt(bed, point));
      const { output } = await wholeBuild(bed, WARM);
      expect(output).not.toContain('damaged');
      return places;
    });
    for (const places of await Promise.all(rounds)) {
      expect(places.length).toBe(10);
      const writing = expect.stringMatching(/^== layer after install\.d\/50-slow/);
      expect(places.slice(4, 6)).toEqual([writing, writing]);
      console.log(`killed ${places.join(', ')}`);
    }
  });
});
