import { expect, it } from 'vitest';
import { alternatives, closest } from '../../src/definition/words.ts';

it.each([
  ['debain', ['ubuntu', 'debian'], 'debian'],
  ['Retention', ['retention', 'stages'], 'retention'],
  ['imags', ['images', 'stages'], 'images'],
  ['zzzzzz', ['images'], undefined],
  ['14', ['12', '13'], undefined],
  ['x', [], undefined],
])('the nearest word to %s', (word, words, nearest) => {
  expect(closest(word, words)).toBe(nearest);
});

it('joins words as a sentence does', () => {
  expect([alternatives([]), alternatives(['a']), alternatives(['a', 'b', 'c'])]).toEqual([
    'nothing',
    'a',
    'a, b or c',
  ]);
});
