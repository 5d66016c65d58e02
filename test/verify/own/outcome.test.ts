import { expect, it } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { outcomeOf } from '../../../src/verify/own/outcome.ts';
import { NotApplicable } from '../../../src/verify/types.ts';

const ended =
  (status: number, stdout = '', stderr = '') =>
  () =>
    outcomeOf({ status, stdout, stderr });

it('passes by status 0, with its last line', () => {
  expect(ended(0, 'looking\n3 mirrors answer\n')()).toBe('3 mirrors answer');
  expect(ended(0)()).toBe('it ended with status 0');
});

it('fails by any other status, with its last complaint', () => {
  expect(ended(3, 'looking\n', 'no route\n')).toThrow(new CheckError('it ended with status 3: no route'));
});

it('passes by its TAP, and fails by it whatever its status is', () => {
  expect(ended(0, '1..2\nok 1\nok 2 # SKIP none\n')()).toBe('1 tests passed, 1 skipped');
  expect(ended(0, '1..2\nok 1\nnot ok 2 - swap\n')).toThrow('1 of 2 tests failed: swap');
  expect(ended(0, '1..2\nok 1\n')).toThrow('its TAP is broken: it planned 2 tests and ran 1');
  expect(ended(1, '1..1\nok 1\n')).toThrow('all tests passed, and it ended with status 1');
});

it('never passes by being skipped', () => {
  expect(ended(77, 'no GPU here\n')).toThrow(new NotApplicable('no GPU here'));
  expect(ended(0, '1..1\nok 1 # skip no GPU\n')).toThrow(NotApplicable);
});
