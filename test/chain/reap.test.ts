import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { reap } from '../../src/chain/reap.ts';
import { createContext } from '../../src/host/context.ts';
import { loadCloud } from '../../src/openstack/config/load.ts';
import { openRunJournal } from '../../src/openstack/runs/journal.ts';
import { KEEP_UNTIL, newRun, RUN_TAG } from '../../src/openstack/runs/run.ts';
import { inTemporary } from '../host/support.ts';
import { emptyHolding, type Holding, littleCloud } from '../openstack/little-cloud.ts';
import { orphanJournals } from '../openstack/orphans.ts';
import { type OddServer, oddServer } from '../openstack/server.ts';

let server: OddServer;
afterEach(() => server.close());

const NOON = new Date('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;
const before = (hours: number) => new Date(NOON.getTime() - hours * HOUR);
const runAt = (date: Date) => newRun(createContext({ now: () => date }));

const old = runAt(before(30));
const young = runAt(before(1));
const kept = runAt(before(40));
const dead = runAt(before(2));

/** A server and a port of each run, and a stranger's of long ago. */
function seeded(): Holding {
  const holding = emptyHolding();
  for (const { name } of [old, young, kept, dead]) {
    const metadata = name === kept.name ? { [KEEP_UNTIL]: before(-2).toISOString() } : {};
    holding.servers.push({ id: `server ${name}`, name, tags: [RUN_TAG], metadata });
    holding.ports.push({ id: `port ${name}`, name });
  }
  holding.servers.push({
    id: 'a stranger',
    name: 'image-factory-20200101T000000Z-stranger',
    tags: [RUN_TAG],
  });
  return holding;
}

async function reaped(holding: Holding, dryRun: boolean, directory: string) {
  server = await oddServer(littleCloud(holding));
  const clouds = {
    clouds: {
      odd: {
        auth: { auth_url: `${server.url}/v3`, username: 'u', password: 'p', project_name: 'own' },
        region_name: 'one',
        ...Object.fromEntries(
          ['image', 'compute', 'network'].map(each => [`${each}_endpoint_override`, server.url]),
        ),
      },
    },
  };
  const file = join(directory, 'clouds.yaml');
  await writeFile(file, JSON.stringify(clouds));
  const env = { OS_CLIENT_CONFIG_FILE: file, HOME: directory, XDG_STATE_HOME: directory };
  const context = createContext({ env, now: () => NOON });
  const state = join(directory, 'image-factory');
  await openRunJournal(state, dead, await loadCloud(context, { cloud: 'odd' }, directory));
  await orphanJournals(state);
  const result = await reap(context, { cloud: 'odd', olderThan: 24, dryRun });
  return { ...result, journals: await readdir(join(state, 'clouds')) };
}

const ids = (holding: Holding) => [...holding.servers, ...holding.ports].map(({ id }) => id).sort();
const of = (...runs: readonly { name: string }[]) =>
  runs.flatMap(({ name }) => [`port ${name}`, `server ${name}`]).sort();

describe('reap', () => {
  it('says first what it would remove, and removes nothing', () =>
    inTemporary(async directory => {
      const holding = seeded();
      const { leftovers, left, journals } = await reaped(holding, true, directory);
      expect(leftovers.map(({ id }) => id).sort()).toEqual(of(old, dead));
      expect(left.map(({ id }) => id).sort()).toEqual(of(young, kept));
      expect(ids(holding)).toEqual(ids(seeded()));
      expect(journals).toHaveLength(1);
    }));

  it('removes what is too old or whose process is dead, not what is to be kept, younger or a stranger', () =>
    inTemporary(async directory => {
      const holding = seeded();
      const { cloud, leftovers, journals } = await reaped(holding, false, directory);
      expect(cloud).toBe('odd/one');
      expect(leftovers.map(({ id }) => id).sort()).toEqual(of(old, dead));
      expect(ids(holding)).toEqual(['a stranger', ...of(young, kept)].sort());
      expect(journals).toEqual([]);
    }));
});
