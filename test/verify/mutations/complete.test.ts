import { expect, it } from 'vitest';
import { GUEST_CHECKS } from './booting.ts';
import { CLOUD_ONLY } from './cloud/booting.ts';
import { CLOUD_MUTATIONS } from './cloud/defects.ts';
import { GUEST_MUTATIONS } from './guest/index.ts';
import { caught } from './laboratory.ts';

it('there is a defect for every check of a guest', () => {
  expect([...new Set(GUEST_MUTATIONS.flatMap(caught))].sort()).toEqual([...GUEST_CHECKS].sort());
});

it('there is a defect for every check that only a cloud can be asked', () => {
  const aimedAt = new Set(CLOUD_MUTATIONS.map(({ check }) => check));
  expect([...aimedAt].sort()).toEqual([...CLOUD_ONLY].sort());
});
