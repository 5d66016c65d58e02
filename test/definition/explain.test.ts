import { expect, it } from 'vitest';
import { explain } from '../../src/definition/explain.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { load } from './support.ts';

const FILE = `include: [base.yaml]
images:
  debian:
    releases: [12, 13]
    variants: [gpu]
    disk: {reserve: 512MiB}
variants:
  gpu:
    packages: [b, -a]
    disk: {reserve: null}
`;
const OTHERS = { 'base.yaml': 'defaults:\n  packages: [a]\n  owner: me\n' };

async function explained(image: string): Promise<string[][]> {
  return explain(await load(FILE, OTHERS), image).map(line => line.split(/\s{2,}/));
}

it('tells each value with the line it came from', async () => {
  const rows = await explained('debian-13');
  expect(rows).toEqual(
    expect.arrayContaining([
      ['image', 'debian-13', 'factory.yaml:3'],
      ['release', '13', 'factory.yaml:4'],
      ['owner', 'me', 'base.yaml:3'],
      ['packages', 'a', 'base.yaml:2'],
      ['disk.reserve', '512MiB', 'factory.yaml:6'],
      ['disk.journal', '64MiB', 'built-in'],
      ['elements', '(none)', 'built-in'],
      ['verify.checks', 'console', 'built-in'],
    ]),
  );
});

it('tells what a variant adds, takes away and sets back', async () => {
  const rows = await explained('debian-13-gpu');
  expect(rows).toEqual(
    expect.arrayContaining([
      ['variant', 'gpu', 'factory.yaml:5'],
      ['packages', 'b', 'factory.yaml:9'],
      ['disk.reserve', '0', 'built-in'],
    ]),
  );
  expect(rows.filter(([key]) => key === 'packages')).toHaveLength(1);
});

it('names the nearest line for one that is not there', async () => {
  const definition = await load(FILE, OTHERS);
  expect(() => explain(definition, 'debian-13-gup')).toThrow(DefinitionError);
  expect(() => explain(definition, 'debian-13-gup')).toThrow(
    expect.objectContaining({ advice: expect.stringContaining('did you mean debian-13-gpu?') }),
  );
});
