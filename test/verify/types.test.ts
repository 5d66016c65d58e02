import { expect, test } from 'vitest';
import { CHECK_NAMES } from '../../src/definition/builtin.ts';
import { CHECKS } from '../../src/verify/checks/index.ts';

test.each(CHECKS.map(check => [check.name, check] as const))(
  '%s says what it protects, and where',
  (name, check) => {
    expect(check.protects).toMatch(/^[A-Z].{20,}\.$/);
    expect(check.places.length).toBeGreaterThan(0);
    expect(CHECK_NAMES).toContain(name);
  },
);

test('a factory file can name every check, and nothing else', () => {
  expect(CHECKS.map(({ name }) => name).sort()).toEqual([...CHECK_NAMES].sort());
});
