import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertSafePath, decodePlace, encodePlace, isSafePath } from '../../src/bundle/names.ts';
import { DefinitionError } from '../../src/host/errors.ts';

describe('the folder of a place', () => {
  it('leads back to the place, and is one plain step of a path', () => {
    const place = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('.', '/', '%', ':', '2', 'E') }),
    );
    fc.assert(
      fc.property(place, each => {
        const name = encodePlace(each);
        expect(decodePlace(name)).toBe(each);
        expect(name).toMatch(/^(?!\.)[A-Za-z0-9_.%-]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('is written as it is documented', () => {
    expect(encodePlace('directory:stores/staging')).toBe('directory%3Astores%2Fstaging');
  });

  it('is known in one spelling only, so that no place has two folders', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('%', '2', 'e', 'E', 'F', '.', 'a', '/') }), name => {
        const place = decodePlace(name);
        if (place !== undefined) expect(encodePlace(place)).toBe(name);
      }),
    );
    for (const other of ['%41', 'a%2fb', 'a/b', '..', '.hidden', '%', '%ff', 'a%3ab', 'a b']) {
      expect(decodePlace(other)).toBeUndefined();
    }
  });
});

it.each([
  '',
  '.',
  '..',
  'a/../b',
  '/a',
  'a/',
  'a//b',
  '-rf',
  '.a',
  'a b',
  'a\nb',
  'ä',
  'a\\b',
  'x'.repeat(201),
])('%j is no path inside a bundle', path => {
  expect(isSafePath(path)).toBe(false);
  expect(() => assertSafePath(path, 'the name')).toThrow(DefinitionError);
  expect(() => assertSafePath(path, 'the name')).not.toThrow(/\n/);
});

it.each(['a', 'a/b-c.d', '20261121T040700Z-0f3a91c2', '+x~y_z', '__proto__'])('%j is one', path => {
  expect(isSafePath(path)).toBe(true);
});
