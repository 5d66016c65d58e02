import fc from 'fast-check';
import { expect, test } from 'vitest';
import { median, mediansTable, type Run, ratiosTable, sharesTable, stepsTable } from '../../bench/figures.ts';

const run = (contestant: string, round: number, wall: number, seconds = 1): Run => ({
  contestant,
  round,
  usage: {
    wall,
    user: wall / 2,
    system: 1,
    rest: 0,
    memory: { processes: 2 ** 20, files: 2 ** 21, together: 3 * 2 ** 20 },
  },
  size: 200e6,
  disk: 500e6,
  steps: [{ what: 'disk', seconds }],
});

/** The warm-up round is far off, so that counting it would show. */
const RUNS = [
  ...[run('ours', 0, 999, 99), run('theirs', 0, 9)],
  ...[run('ours', 1, 30, 3), run('theirs', 1, 60)],
  ...[run('ours', 2, 40, 4), run('theirs', 2, 100)],
  ...[run('ours', 3, 35, 5), run('theirs', 3, 100)],
];

const cells = (table: string) =>
  table.split('\n').map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  );

test('medians leave the warm-up out', () => {
  const [head, , ours, theirs] = cells(mediansTable(RUNS));
  expect(head?.slice(0, 2)).toEqual(['median of each', 'wall s']);
  expect(ours).toEqual(['ours', '35.0', '17.5', '1.0', '0.0', '1', '2', '3', '200', '500']);
  expect(theirs?.[1]).toBe('100.0');
});

test('a ratio is of two runs of one round', () => {
  const [head, , row] = cells(ratiosTable(RUNS));
  expect(head).toEqual(['wall time', 'round 1', 'round 2', 'round 3', 'median']);
  expect(row).toEqual(['ours / theirs', '0.50', '0.40', '0.35', '0.40']);
  // user is half the wall time here, system 1 s
  expect(cells(ratiosTable(RUNS)).at(-1)).toEqual(['ours / theirs', '0.52', '0.41', '0.36', '0.41']);
});

test('steps have medians of their own', () => {
  expect(cells(stepsTable(RUNS, 'ours')).at(-1)).toEqual(['disk', '4.00']);
});

test('the median has as many values on either side', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), values => {
      const middle = median(values);
      const below = values.filter(value => value < middle).length;
      const above = values.filter(value => value > middle).length;
      expect(below).toBeLessThanOrEqual(values.length / 2);
      expect(above).toBeLessThanOrEqual(values.length / 2);
    }),
  );
  expect(median([1, 2])).toBe(1.5);
  expect(median([])).toBeNaN();
});

test('shares are those of each other contestant in the same round', () => {
  const [wall = '', size = ''] = sharesTable(RUNS, 'theirs').split('\n\n');
  expect(cells(wall)[2]).toEqual(['ours / theirs', '0.50', '0.40', '0.35', '0.40']);
  expect(cells(size)[2]).toEqual(['ours / theirs', '1.00', '1.00', '1.00', '1.00']);
});
