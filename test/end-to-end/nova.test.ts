import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodePlace, statementsPath } from '../../src/bundle/names.ts';
import type { Report } from '../../src/verify/types.ts';
import { type Bed, openBed } from '../openstack/bed.ts';
import { sharedCloud } from '../openstack/shared-cloud.ts';
import { run } from './program.ts';

const PLACE = 'nova:verifier/staging';

let bed: Bed;

beforeAll(async () => {
  bed = await openBed(await sharedCloud(), 'verifier');
});

afterAll(() => bed?.close());

it('an image is ACTIVE in a real cloud, reached by a floating IP, passes every check, and leaves nothing', async () => {
  const { status, output } = await run(bed.verify(), bed.env);
  expect(status, output).toBe(0);
  for (const check of ['image-record', 'metadata', 'config-drive', 'root-grows', 'reboot', 'rebuild'])
    expect(output).toMatch(new RegExp(`passed +${check}: `));
  const verdicts = join(statementsPath(bed.bundle), 'verdict', encodePlace(PLACE));
  const [verdict = '', ...others] = await readdir(verdicts);
  expect(others).toEqual([]);
  const report = JSON.parse(await readFile(join(verdicts, verdict, 'report.json'), 'utf8')) as Report;
  expect(report).toMatchObject({ place: PLACE, passed: true });
  const id = expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  expect(report.machine.cloud).toMatchObject({
    ...{ cloud: 'verifier/staging', network: 'private', flavor: 'm1.big' },
    ...{ server: id, image: id, port: id, 'floating IP': id },
    address: expect.stringMatching(/^198\.18\.\d+\.1\d\d$/),
  });
  await bed.expectClean();
});
