import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDebianVersions, satisfies } from '../../../src/build/archive/version.ts';

/** What dpkg itself says, for many pairs in one process. */
function dpkg(pairs: readonly (readonly [string, string])[]): number[] {
  const script =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a shell script
    'for pair; do a=${pair% *}; b=${pair#* }; if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" gt "$b"; then echo 1; else echo 0; fi; done';
  const words = pairs.map(pair => pair.join(' '));
  return execFileSync('sh', ['-c', script, 'compare', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
}

const part = fc.stringMatching(/^[0-9][0-9a-zA-Z.+~]{0,8}$/);
const version = fc
  .tuple(fc.option(fc.nat(3)), part, fc.option(fc.stringMatching(/^[0-9a-zA-Z.+~]{1,6}$/)))
  .map(
    ([epoch, upstream, revision]) =>
      `${epoch === null ? '' : `${epoch}:`}${upstream}${revision === null ? '' : `-${revision}`}`,
  );

describe('compareDebianVersions', () => {
  it('agrees with dpkg on versions that tell the rules apart', () => {
    const pairs = [
      ['1.0', '1.0~rc1'],
      ['1.0', '1.0-0'],
      ['1:0.1', '2.0'],
      ['1.10', '1.9'],
      ['1.0a', '1.0+'],
      ['1.0-1', '1.0-1+b1'],
      ['1.0-1~deb12u1', '1.0-1'],
      ['6.1.0', '6.1'],
      ['007', '7'],
      ['2.36-9+deb12u10', '2.36-9+deb12u9'],
      ['1.0-2-1', '1.0-10-1'],
    ] as const;
    expect(pairs.map(([a, b]) => Math.sign(compareDebianVersions(a, b)))).toEqual(dpkg(pairs));
  });

  it('agrees with dpkg on any versions', () => {
    const pairs = fc.sample(fc.tuple(version, version), { numRuns: 150 });
    expect(pairs.map(([a, b]) => Math.sign(compareDebianVersions(a, b)))).toEqual(dpkg(pairs));
  });

  it('is an order: each version equals itself, and turning a pair around turns the answer', () =>
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(compareDebianVersions(a, a)).toBe(0);
        expect(Math.sign(compareDebianVersions(a, b)) + Math.sign(compareDebianVersions(b, a))).toBe(0);
      }),
    ));
});

it('reads the relations of a control file, of which < and > mean "or equal"', () => {
  const held = (operator: string) => ['1.0', '1.1', '1.2'].filter(each => satisfies(each, operator, '1.1'));
  expect(held('<<')).toEqual(['1.0']);
  expect(held('<=')).toEqual(['1.0', '1.1']);
  expect(held('<')).toEqual(['1.0', '1.1']);
  expect(held('=')).toEqual(['1.1']);
  expect(held('>=')).toEqual(['1.1', '1.2']);
  expect(held('>')).toEqual(['1.1', '1.2']);
  expect(held('>>')).toEqual(['1.2']);
  expect(held('?')).toEqual([]);
});
