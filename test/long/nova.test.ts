import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listMade, removeMade, servicesOf } from '../../src/openstack/runs/leftovers.ts';
import { run, start } from '../end-to-end/program.ts';
import { random, seedOf } from '../end-to-end/random.ts';
import { type Bed, openBed } from '../openstack/bed.ts';
import type { TestCloud } from '../openstack/cloud.ts';
import { killVerifications } from '../openstack/nova-kills.ts';
import { setup } from '../openstack/shared-cloud.setup.ts';
import { sharedCloud } from '../openstack/shared-cloud.ts';

const KILLS = Number(process.env.KILL_COUNT ?? 50);
const SERVERS = 2;
const HOUR = 3_600_000;

let cloud: TestCloud;
let end: () => Promise<void>;

beforeAll(async () => {
  end = await setup();
  cloud = await sharedCloud();
});

afterAll(() => end());

/** What takes too long for every run of the tests: each boots guests of its own without KVM. */
describe('in a real cloud', () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await openBed(cloud, 'verifier', `nova: { servers: ${SERVERS} }`);
  });

  afterAll(() => bed?.close());

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
    const kept = await bed.reap('--no-dry-run');
    expect(kept.output).toMatch(/left alone server \S+ of image-factory-/);
    expect(await bed.holds()).toEqual(held);
    const services = await servicesOf(bed.session);
    const made = await listMade(services);
    const until = made.find(({ kind }) => kind === 'server')?.keepUntil?.getTime() ?? 0;
    expect(Math.abs(until - Date.now() - HOUR)).toBeLessThan(HOUR / 2);
    await removeMade(services, made);
    await bed.expectClean();
  });
});

describe('verifications killed at random moments, two at a time', () => {
  const seed = seedOf('KILL_SEED');
  console.log(`KILL_SEED=${seed} KILL_COUNT=${KILLS}`);

  it.concurrent.each([
    ['builder', Math.ceil(KILLS / 2), seed],
    ['tenant', Math.floor(KILLS / 2), seed + 1],
  ] as const)(
    'leave nothing in the project %s after the next one, and a stranger all that is his',
    async (project, kills, own) => {
      const bed = await openBed(cloud, project);
      try {
        const killed = await killVerifications(bed, kills, random(own));
        expect(killed.flatMap(({ left }) => left).length).toBeGreaterThan(0);
        const { status, output } = await run(bed.verify('--only', 'running'), bed.env);
        expect(status, output).toBe(0);
        await bed.expectClean();
        expect((await bed.reap()).output).toContain('would remove 0, left alone 0');
      } finally {
        await bed.close();
      }
    },
  );
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
