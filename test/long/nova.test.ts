import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePlace, statementsPath } from '../../src/bundle/names.ts';
import { createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';
import type { Report } from '../../src/verify/types.ts';
import { run, start } from '../end-to-end/program.ts';
import { random, seedOf } from '../end-to-end/random.ts';
import { type Bed, openBed } from '../openstack/bed.ts';
import { bringUp, type TestCloud, wipe } from '../openstack/cloud.ts';
import { count } from '../openstack/holdings.ts';
import { killVerifications } from '../openstack/nova-kills.ts';

const KILLS = Number(process.env.KILLS ?? 50);
const SERVERS = 2;
const PLACE = 'nova:builder/staging';

/** What takes too long for every run of the tests: each boots guests of its own without KVM. */
describe('in a real cloud', () => {
  let folder: string;
  let cloud: TestCloud;
  let bed: Bed;

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/image-factory-cloud-');
    const log = { ...silentLog, info: (line: string) => console.log(line) };
    cloud = await bringUp(createContext({ env: process.env, log }), join(folder, 'cloud'), { tier: 2 });
    bed = await openBed(cloud, 'builder', `nova: { servers: ${SERVERS} }`);
  });

  afterAll(async () => {
    await bed?.close();
    await wipe(join(folder, 'cloud'));
    await rm(folder, { recursive: true, force: true });
  });

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
      ...{ cloud: 'builder/staging', network: 'private', flavor: 'm1.big' },
      ...{ server: id, image: id, port: id, 'floating IP': id },
      address: expect.stringMatching(/^198\.18\.\d+\.1\d\d$/),
    });
    await bed.expectClean();
  });

  it('a server of a network without floating IPs is reached by its own address', async () => {
    const { status, output } = await run(bed.verify('--network', 'provider', '--only', 'address'), bed.env);
    expect(status, output).toBe(0);
    expect(output).toMatch(/passed +address: 198\.18\.\d*[13579]\.\d+:22 answers SSH-2\.0/);
    await bed.expectClean();
  });

  it('several verifications side by side keep to the stated number of servers', async () => {
    const before = (await bed.holds()).servers?.length ?? 0;
    const programs = [1, 2, 3].map(() => start(bed.verify('--only', 'running'), bed.env));
    const ended = Promise.all(programs.map(program => program.ended));
    const most = highest(async () => ((await bed.holds()).servers?.length ?? 0) - before, ended);
    for (const { status, output } of await ended) expect(status, output).toBe(0);
    expect(await most).toBe(SERVERS);
    await bed.expectClean();
  });

  it('what was asked to be kept is kept, and reap leaves it alone until then', async () => {
    const { status, output } = await run(bed.verify('--only', 'running', '--keep', '1'), bed.env);
    expect(status, output).toBe(0);
    const held = await bed.holds();
    const kept = await bed.reap('--older-than', '0', '--no-dry-run');
    expect(kept.output).toMatch(/left alone server \S+ of image-factory-/);
    expect(await bed.holds()).toEqual(held);
  });

  it('what killed verifications leave, the next one or reap removes, and nothing of a stranger', async () => {
    const seed = seedOf('KILL_SEED');
    console.log(`KILL_SEED=${seed}`);
    const before = await bed.holds();
    expect(await killVerifications(bed, KILLS, random(seed))).toBeGreaterThan(0);
    const { status, output } = await bed.reap('--no-dry-run');
    expect(status, output).toBe(0);
    expect(await bed.holds()).toEqual(before);
    expect(count(before)).toBeGreaterThan(0);
  });
});

/** The highest of what is looked at until something has ended. */
async function highest(look: () => Promise<number>, until: Promise<unknown>): Promise<number> {
  let [most, ended] = [0, false];
  until.finally(() => {
    ended = true;
  });
  while (!ended) {
    most = Math.max(most, await look());
    await delay(500);
  }
  return most;
}
