import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { corePath } from '../../src/bundle/names.ts';
import { OFFLINE_CHECKS } from '../../src/verify/offline/checks/index.ts';
import { look, named, sideBySide, withSpecimen } from '../verify/mutations/laboratory.ts';
import { OFFLINE_MUTATIONS } from '../verify/mutations/offline.ts';
import { sharedImage } from './shared-image.ts';

let folder: string;
let good: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-mutations-'));
  good = corePath((await sharedImage()).bundle);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('there is a defect for every check on the bytes', () => {
  const caught = new Set(OFFLINE_MUTATIONS.map(({ check }) => check));
  expect([...caught].sort()).toEqual(OFFLINE_CHECKS.map(({ name }) => name).sort());
});

test('a good image raises no false alarm', () =>
  withSpecimen(good, join(folder, 'good'), [], async specimen => {
    const alarms = (await look(specimen)).filter(({ outcome }) => outcome !== 'passed');
    expect(alarms).toEqual([]);
  }));

test.each(sideBySide(OFFLINE_MUTATIONS).map(named))(
  'each is caught by its check and by no other: $names',
  ({ group }) =>
    withSpecimen(good, join(folder, 'bad'), group, async specimen => {
      const alarms = (await look(specimen)).filter(({ outcome }) => outcome !== 'passed');
      expect(alarms.map(({ name }) => name).sort()).toEqual(group.map(({ check }) => check).sort());
      for (const { check, says, name } of group) {
        expect(alarms.find(each => each.name === check)?.detail, name).toMatch(says);
      }
    }),
);
