import { describe, expect, it } from 'vitest';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { CHECKS } from '../../src/verify/checks/index.ts';
import { chooseChecks, requiredChecks } from '../../src/verify/choose.ts';

const NOW = new Date('2026-11-21T23:59:59Z');
const asked = { place: 'runner', checks: ['ssh', 'images'], quarantine: {} } as const;
const until = (expires: string) => ({ tracker: 'issue 7', expires });

it('chooses by name, in the order of the list', () => {
  expect(chooseChecks(['ssh', 'images']).map(check => check.name)).toEqual(['images', 'ssh']);
});

describe('what must have passed', () => {
  it('is what applies in the place', () => {
    expect(requiredChecks(asked, NOW)).toEqual(['images', 'ssh']);
    expect(requiredChecks({ ...asked, place: 'store' }, NOW)).toEqual(['ssh']);
  });

  it('is no check that only warns', () => {
    const checks = CHECKS.map(check => check.name);
    const warning = CHECKS.filter(check => check.severity === 'warning').map(check => check.name);
    for (const name of warning) expect(requiredChecks({ ...asked, checks }, NOW)).not.toContain(name);
  });

  it('is nothing in quarantine, to the end of its last day', () => {
    const required = (expires: string) =>
      requiredChecks({ ...asked, quarantine: { ssh: until(expires) } }, NOW);
    expect(required('2026-11-21')).toEqual(['images']);
    expect(required('2026-11-20')).toEqual(['images', 'ssh']);
  });

  it('is something', () => {
    const quarantine = Object.fromEntries(DEFAULT_CHECKS.map(name => [name, until('2026-12-24')]));
    expect(() => requiredChecks({ ...asked, quarantine }, NOW)).toThrow(DefinitionError);
    expect(() => requiredChecks({ ...asked, place: 'store', checks: ['images'] }, NOW)).toThrow(
      /none of images would stop a bad image here/,
    );
  });
});
