import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../src/promote/version.ts';

describe('compareVersions', () => {
  it('counts numbers as numbers', () => {
    const versions = ['20261121.10', '20261121.2', '20261120.1', '20261121', '20261121.rc'];
    expect(versions.sort(compareVersions)).toEqual([
      '20261120.1',
      '20261121',
      '20261121.2',
      '20261121.10',
      '20261121.rc',
    ]);
  });

  it('is a total order', () => {
    const part = fc.constantFrom('1', '2', '10', '02', 'a', 'rc', '');
    const version = fc.array(part, { maxLength: 4 }).map(parts => parts.join('.'));
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
