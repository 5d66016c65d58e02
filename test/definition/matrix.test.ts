import { expect, it } from 'vitest';
import { matrix } from '../../src/definition/matrix.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { load } from './support.ts';

const FILE = 'images: {debian: {releases: [12, 13], variants: [gpu]}}\nvariants: {gpu: {packages: [a]}}';

it('has a leg for each image line', async () => {
  const { factory } = await load(FILE);
  const runner = 'ubuntu-24.04';
  expect(matrix(factory)).toEqual([
    {
      include: [
        { image: 'debian-12', architecture: 'amd64', runner },
        { image: 'debian-12-gpu', architecture: 'amd64', runner },
        { image: 'debian-13', architecture: 'amd64', runner },
        { image: 'debian-13-gpu', architecture: 'amd64', runner },
      ],
    },
  ]);
});

it('has the named lines only, on the runner that was asked for', async () => {
  const { factory } = await load(FILE);
  expect(matrix(factory, ['debian-13', 'debian-13'], { amd64: 'self-hosted' })).toEqual([
    { include: [{ image: 'debian-13', architecture: 'amd64', runner: 'self-hosted' }] },
  ]);
  expect(() => matrix(factory, ['debian-31'])).toThrow(DefinitionError);
});

it('comes in batches of 256', async () => {
  const names = Array.from(
    { length: 300 },
    (_, index) => `image${index}: {distribution: debian, releases: [12]}`,
  );
  const { factory } = await load(`images: {${names.join(', ')}}`);
  expect(matrix(factory).map(({ include }) => include.length)).toEqual([256, 44]);
});
