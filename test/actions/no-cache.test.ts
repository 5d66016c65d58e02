import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { COMMANDS } from '../../actions/inputs/index.ts';
import { ROOT } from './support.ts';

const IMPORT = /^(?:import|export)\b(?! type\b)[^;']*?\bfrom '(\.[^']+)';|^import '(\.[^']+)';/gm;

/** All modules that one needs to run; what it takes the types of alone is not among them. */
function reach(module: string, found = new Set<string>()): Set<string> {
  if (found.has(module)) return found;
  found.add(module);
  const text = readFileSync(join(ROOT, module), 'utf8');
  for (const { 1: named, 2: whole } of text.matchAll(IMPORT))
    reach(join(dirname(module), named ?? whole ?? ''), found);
  return found;
}

const CLIENT = 'src/runner/cache.ts';
const actions = COMMANDS.flatMap(({ action }) => action ?? []);

it.each(actions.map(action => [action, action === 'build-image' || action === 'sign-layers']))(
  '%s can reach the cache of the CI system: %s',
  (action, mayCache) => {
    const modules = reach(`actions/${action}.ts`);
    expect(modules.size).toBeGreaterThan(10);
    expect(modules.has(CLIENT)).toBe(mayCache);
  },
);

it('nothing else than that module speaks to the cache', () => {
  const speakers = [...reach('actions/index.ts')].filter(module =>
    readFileSync(join(ROOT, module), 'utf8').includes("import('@actions/cache')"),
  );
  expect(speakers).toEqual([CLIENT]);
});
