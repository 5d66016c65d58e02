import { expect, it } from 'vitest';
import { isCold } from '../../actions/cold.ts';

it.each([
  ['auto', false, {}, false],
  ['auto', false, { CI: 'true' }, true],
  ['auto', false, { CI: 'false' }, false],
  ['auto', true, {}, true],
  ['false', false, { CI: 'true' }, false],
  ['false', true, { CI: 'true' }, false],
  ['true', false, {}, true],
] as const)('cold %s, force %s, with %j: %s', (cold, force, env, wanted) => {
  expect(isCold({ env }, { cold, force })).toBe(wanted);
});
