import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corePath } from '../../src/bundle/names.ts';
import { run } from '../end-to-end/program.ts';
import { sharedImage } from '../end-to-end/shared-image.ts';
import { alarms, boot, GOOD_CHECKS } from '../verify/mutations/booting.ts';
import { GUEST_MUTATIONS } from '../verify/mutations/guest/index.ts';
import { caught, look, named, sideBySide, withSpecimen } from '../verify/mutations/laboratory.ts';

/** Seconds that a boot on a busy host may take. */
const PATIENCE = 900;

let folder = '';
let good = '';
/** Seconds that the good image takes on this host, with other boots of it beside. */
let earlier = 0;

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/image-factory-mutations-');
  good = corePath((await sharedImage()).bundle);
  const checks = ['boot-time', 'drive-metadata', 'service-metadata'];
  const first = await withSpecimen(good, join(folder, 'first'), [], specimen =>
    boot(specimen, { budget: PATIENCE, checks }),
  );
  expect(alarms(first)).toEqual([]);
  earlier = first.bootSeconds;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a good image raises no false alarm', () => {
  it('of Debian 12', async () => {
    const report = await withSpecimen(good, join(folder, 'good'), [], specimen =>
      boot(specimen, { budget: PATIENCE, checks: GOOD_CHECKS }),
    );
    expect(alarms(report)).toEqual([]);
  });

  it('of Debian 13', async () => {
    await withSpecimen(await built13(), join(folder, 'good13'), [], async specimen => {
      const checks = [
        ...alarms({ checks: await look(specimen) }),
        ...(await boot(specimen, { budget: PATIENCE, checks: GOOD_CHECKS })).checks,
      ];
      expect(alarms({ checks })).toEqual([]);
    });
  });
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
      const { check, says, asked = [check] } = mutation;
      // Under UEFI it takes longer.
      const budget = Math.min(PATIENCE, Math.max(90, 3 * earlier));
      const found = alarms(await boot(specimen, { checks: asked, budget }));
      expect(found.map(({ name }) => name).sort()).toEqual(caught(mutation).sort());
      expect(found.find(({ name }) => name === check)?.detail).toMatch(says);
    }),
  );
});

/** @returns folder of the core of an image of Debian 13 with nothing added */
async function built13(): Promise<string> {
  const [factory, output] = [join(folder, 'factory.yaml'), join(folder, 'out')];
  await writeFile(factory, 'images: {debian: {releases: [13]}}\n');
  const { status, output: said } = await run(['build', '--factory', factory, '--output', output]);
  expect(status, said).toBe(0);
  const line = join(output, 'debian-13');
  return corePath(join(line, (await readdir(line)).find(name => name.endsWith('-amd64')) ?? ''));
}
