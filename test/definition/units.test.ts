import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../src/definition/units.ts';

it.each([
  ['0', 0],
  ['1024', 1024],
  ['512MiB', 536_870_912],
  ['1GiB', 1_073_741_824],
  ['2TiB', 2_199_023_255_552],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
])('%s is a size', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each(['', 'MiB', '1MB', '1.5GiB', '-1', '1 GiB', '9007199254740992', '9999999999TiB', '1e3', '1GiB\n'])(
  '%j is no size',
  text => {
    expect(parseSize(text)).toBeUndefined();
  },
);

it.each([
  ['90s', 90_000],
  ['5m', 300_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
])('%s is a duration', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

it('no other text is a duration or a size', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(parseDuration(text) === undefined).toBe(!/^[0-9]{1,9}[smhd]$/.test(text));
      expect(parseSize(text) === undefined).toBe(!/^[0-9]{1,15}([KMGT]iB)?$/.test(text));
    }),
  );
});
