import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commonSteps, keySteps } from '../../../src/build/layers/keys.ts';

const step = fc.record({ place: fc.string(), ingredients: fc.jsonValue() });
const steps = fc.array(step, { minLength: 1, maxLength: 8 });
const keys = (...args: Parameters<typeof keySteps>) => keySteps(...args).map(each => each.key);

it('any change of a step changes its key and those of all that follow, and none before', () => {
  fc.assert(
    fc.property(steps, fc.nat(), step, (all, number, other) => {
      const index = number % all.length;
      fc.pre(JSON.stringify(all[index]) !== JSON.stringify(other));
      const [before, after] = [keys('root', all), keys('root', all.with(index, other))];
      expect(after.slice(0, index)).toEqual(before.slice(0, index));
      for (let at = index; at < all.length; at++) expect(after[at]).not.toBe(before[at]);
    }),
  );
});

it('a change of the root changes all keys', () => {
  fc.assert(
    fc.property(steps, all => {
      const before = new Set(keys({ engine: 1 }, all));
      expect(keys({ engine: 2 }, all).filter(key => before.has(key))).toEqual([]);
    }),
  );
});

it('the order of steps counts, that of settings does not', () => {
  const [a, b] = [
    { place: 'a', ingredients: { x: 1, y: 2 } },
    { place: 'b', ingredients: null },
  ];
  expect(keys(0, [a, b])[1]).not.toBe(keys(0, [b, a])[1]);
  expect(keys(0, [{ place: 'a', ingredients: { y: 2, x: 1 } }])).toEqual(keys(0, [a]));
});

it('two sequences have in common what comes before the first difference', () => {
  fc.assert(
    fc.property(steps, steps, (one, other) => {
      const [a, b] = [keySteps(0, one), keySteps(0, other)];
      const common = commonSteps(a, b);
      expect(a.slice(0, common)).toEqual(b.slice(0, common));
      if (common < b.length) expect(a[common]?.key).not.toBe(b[common]?.key);
    }),
  );
});
