import { expect, it } from 'vitest';
import { isCold } from '../../actions/cold.ts';

it.each([
  ['auto', {}, false],
  ['auto', { CI: 'true' }, true],
  ['auto', { CI: 'false' }, false],
  ['false', { CI: 'true' }, false],
  ['true', {}, true],
] as const)('cold: %s with %j is %s', (cold, env, wanted) => {
  expect(isCold({ env }, cold)).toBe(wanted);
});
