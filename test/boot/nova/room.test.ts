import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { whenThereIsRoom } from '../../../src/boot/nova/room.ts';
import { createContext } from '../../../src/host/context.ts';
import { CloudError, DefinitionError } from '../../../src/host/errors.ts';
import { servicesOf } from '../../../src/openstack/runs/leftovers.ts';
import { newRun, RUN_TAG } from '../../../src/openstack/runs/run.ts';
import { inTemporary } from '../../host/support.ts';
import { emptyHolding, littleCloud } from '../../openstack/little-cloud.ts';
import { type OddServer, oddServer } from '../../openstack/server.ts';

let server: OddServer;
afterEach(() => server?.close());

const ours = () => newRun(createContext()).name;

/** Runs in a project with a stranger's server; each has its servers for three looks of the others. */
async function sideBySide(runs: number, room: { most: number | undefined; needed: number }) {
  const holding = emptyHolding();
  holding.servers.push({ id: 'strange', name: 'strange', tags: [RUN_TAG] });
  server = await oddServer(littleCloud(holding));
  let [highest, now] = [0, 0];
  await inTemporary(async state => {
    await mkdir(join(state, 'clouds'));
    const one = async () => {
      const own = await servicesOf(await server.session());
      const name = ours();
      await whenThereIsRoom(own, state, room, async () => {
        for (let each = 0; each < room.needed; each++)
          holding.servers.push({ id: `${name} ${each}`, name, tags: [RUN_TAG] });
        now += room.needed;
        highest = Math.max(highest, now);
      });
      await new Promise(later => setTimeout(later, 50));
      holding.servers = holding.servers.filter(each => each.name !== name);
      now -= room.needed;
    };
    await Promise.all(Array.from({ length: runs }, one));
  });
  return highest;
}

describe('servers of ours in a project', () => {
  it('are never more than allowed, however many runs are side by side', async () => {
    expect(await sideBySide(6, { most: 5, needed: 2 })).toBe(4);
  });

  it('are as many as there are runs where no number is stated', async () => {
    expect(await sideBySide(4, { most: undefined, needed: 2 })).toBe(8);
  });

  it('that can never be few enough are refused at once', async () => {
    await expect(sideBySide(1, { most: 1, needed: 2 })).rejects.toThrow(DefinitionError);
  });

  it('of others that never go are told of in the end', async () => {
    const holding = emptyHolding();
    const name = ours();
    holding.servers.push({ id: 's', name, tags: [RUN_TAG] });
    server = await oddServer(littleCloud(holding));
    let time = 0;
    const sleep = async (pause: number) => {
      time += 20 * pause;
    };
    const context = { now: () => new Date(time), sleep };
    const own = await servicesOf(await server.session(context));
    await inTemporary(async state => {
      await mkdir(join(state, 'clouds'));
      const asked = whenThereIsRoom(own, state, { most: 1, needed: 1 }, async () => {});
      await expect(asked).rejects.toThrow(CloudError);
      await expect(asked).rejects.toThrow('waited 3600 s for room for 1 more servers of ours, of 1');
    });
  });
});
