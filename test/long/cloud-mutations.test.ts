import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { corePath } from '../../src/bundle/names.ts';
import type { Session } from '../../src/openstack/session.ts';
import { sharedImage } from '../end-to-end/shared-image.ts';
import { holdings } from '../openstack/holdings.ts';
import { setup } from '../openstack/shared-cloud.setup.ts';
import { sharedCloud } from '../openstack/shared-cloud.ts';
import { login } from '../openstack/support.ts';
import { alarms } from '../verify/mutations/booting.ts';
import { bootInCloud } from '../verify/mutations/cloud/booting.ts';
import { CLOUD_MUTATIONS } from '../verify/mutations/cloud/defects.ts';
import { caught, named, sideBySide, withSpecimen } from '../verify/mutations/laboratory.ts';

let folder = '';
let good = '';
let session: Session;
let end: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/image-factory-mutations-');
  good = corePath((await sharedImage()).bundle);
  end = await setup();
  session = await login(await sharedCloud(), 'verifier');
});

afterAll(async () => {
  await session?.close();
  await end?.();
  await rm(folder, { recursive: true, force: true });
});

it.each(sideBySide(CLOUD_MUTATIONS).map(named))(
  'is caught by the checks that should, and by no other: $names',
  async ({ group }) => {
    const before = await holdings(session);
    await withSpecimen(good, join(folder, 'bad'), group, async specimen => {
      const found = alarms(await bootInCloud(session, specimen, group));
      expect(found.map(({ name }) => name).sort()).toEqual(group.flatMap(caught).sort());
      for (const { check, says, name } of group) {
        expect(found.find(each => each.name === check)?.detail, name).toMatch(says);
      }
    });
    expect(await holdings(session)).toEqual(before);
  },
);
