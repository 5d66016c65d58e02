import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corePath } from '../../src/bundle/names.ts';
import type { Manifest } from '../../src/bundle/types.ts';
import { sharedImage } from '../end-to-end/shared-image.ts';
import { alarms, boot, GUEST_CHECKS } from '../verify/mutations/booting.ts';
import { GUEST_MUTATIONS } from '../verify/mutations/guest/index.ts';
import { caught, sideBySide, withSpecimen } from '../verify/mutations/laboratory.ts';

/** Seconds that a boot on this host may take, unless a good image tells. */
const PATIENCE = 900;

let folder = '';
let good = '';
/** Seconds that the good image took. */
let earlier = 0;

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/image-factory-mutations-');
  good = corePath((await sharedImage()).bundle);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('there is a defect for every check of a guest', () => {
  expect([...new Set(GUEST_MUTATIONS.flatMap(caught))].sort()).toEqual([...GUEST_CHECKS].sort());
});

it('a good image raises no false alarm', async () => {
  const manifest = JSON.parse(await readFile(join(good, 'manifest.json'), 'utf8')) as Manifest;
  const report = await withSpecimen(good, join(folder, 'good'), [], specimen =>
    boot({ ...specimen, manifest }, { budget: PATIENCE }),
  );
  expect(alarms(report)).toEqual([]);
  earlier = report.bootSeconds;
});

describe('is caught by the checks that should, and by no other', () => {
  it.each(sideBySide(GUEST_MUTATIONS.filter(({ closes }) => !closes)).map(named))('$names', ({ group }) =>
    withSpecimen(good, join(folder, 'bad'), group, async specimen => {
      const found = alarms(await boot(specimen, { earlier, budget: PATIENCE }));
      expect(found.map(({ name }) => name).sort()).toEqual(group.flatMap(caught).sort());
      for (const { check, says, name } of group) {
        expect(found.find(each => each.name === check)?.detail, name).toMatch(says);
      }
    }),
  );
});

describe('is caught, and nothing else can be asked then:', () => {
  it.each(GUEST_MUTATIONS.filter(({ closes }) => closes))('$name', mutation =>
    withSpecimen(good, join(folder, 'shut'), [mutation], async specimen => {
      const { check, says, firmware = 'bios' } = mutation;
      const found = alarms(
        await boot(specimen, { firmware, checks: [check], budget: Math.max(60, 2 * earlier) }),
      );
      expect(found).toMatchObject([{ name: check, detail: expect.stringMatching(says) }]);
    }),
  );
});

function named<T extends { readonly name: string }>(group: readonly T[]) {
  return { group, names: group.map(({ name }) => name).join(', ') };
}
