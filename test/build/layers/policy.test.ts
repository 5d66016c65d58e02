import { expect, it } from 'vitest';
import { isWorthKeeping } from '../../../src/build/layers/policy.ts';

const steps = [
  'bootstrap',
  'settle',
  'extra-data.d/1',
  'install.d/1',
  'install.d/2',
  'finalise.d/1',
  'finalise.d/2',
].map(place => ({ place, key: place }));
const all = steps.length;

it.each<[string, { done: number; same: number; seconds: number }, boolean]>([
  ['after the bootstrap', { done: 1, same: 0, seconds: 20 }, true],
  ['not for work that is done again as fast', { done: 1, same: 0, seconds: 1 }, false],
  ['not while extra-data has left things beside the tree', { done: 3, same: 3, seconds: 20 }, false],
  ['not within a phase', { done: 4, same: 0, seconds: 20 }, false],
  ['at the end of a phase', { done: 5, same: 0, seconds: 20 }, true],
  ['before the first step that changed', { done: 4, same: 4, seconds: 20 }, true],
  ['before a change late in the build', { done: 6, same: 6, seconds: 4 }, true],
  ['not where nothing changed', { done: all, same: all, seconds: 20 }, false],
  ['not at the end of the last phases', { done: 6, same: 0, seconds: 20 }, false],
])('a layer is kept %s', (_what, moment, wanted) => {
  expect(isWorthKeeping({ steps, ...moment })).toBe(wanted);
});
