import { expect, test } from 'vitest';
import { compareInventories } from '../../src/image/inventory.ts';

const FILE = { path: '/a', type: 'file', mode: '0644', sha256: 'aa' };
const lines = (...each: object[]) =>
  `${[{ formatVersion: 1 }, ...each].map(line => JSON.stringify(line)).join('\n')}\n`;

test('nothing differs between equals', () => {
  expect(compareInventories(lines(FILE), lines(FILE))).toEqual([]);
});

test('each difference is a sentence that names the path', () => {
  const told = lines(FILE, { path: '/gone', type: 'directory' }, { path: '/same', type: 'fifo' });
  const changed = { ...FILE, sha256: 'bb', attributes: { 'security.capability': 'AQ==' } };
  const actual = lines(changed, { path: '/new', type: 'file' }, { path: '/same', type: 'fifo' });
  expect(compareInventories(told, actual)).toEqual([
    '/a has sha256 bb and not aa',
    '/a has attributes {"security.capability":"AQ=="} and not none',
    '/gone is not in the image',
    '/new is in the image only',
  ]);
});

test('the first line counts too, and what is no inventory is said to be none', () => {
  expect(compareInventories(lines().replace('1', '2'), lines())).toEqual([
    'the first line has formatVersion 1 and not 2',
  ]);
  for (const broken of ['{', 'null\n', '[]\n', '7']) {
    expect(compareInventories(broken, lines(FILE)).length).toBeGreaterThan(0);
  }
});
