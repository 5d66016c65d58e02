import { afterEach, describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import type { Services } from '../../../src/openstack/runs/kinds.ts';
import { listMade, servicesOf } from '../../../src/openstack/runs/leftovers.ts';
import { removeRun } from '../../../src/openstack/runs/remove.ts';
import { newRun, RUN_TAG } from '../../../src/openstack/runs/run.ts';
import { emptyHolding, type Holding, littleCloud } from '../little-cloud.ts';
import { type Handler, type OddServer, oddServer } from '../server.ts';

let server: OddServer;
afterEach(() => server.close());

const [ours, others] = [newRun(createContext()), newRun(createContext())];

/** One of everything, of this run. */
function madeBy({ name }: { name: string }, holding: Holding = emptyHolding()): Holding {
  const id = (kind: string) => `${kind} of ${name}`;
  holding.servers.push({ id: id('server'), name, tags: [RUN_TAG] });
  holding.floatingips.push({ id: id('address'), description: name });
  holding.ports.push({ id: id('port'), name, security_groups: [id('group')] });
  holding['security-groups'].push({ id: id('group'), name });
  holding['os-keypairs'].push({ id: name });
  holding.images.push({ id: id('image'), tags: [RUN_TAG, name] });
  return holding;
}

async function services(handler: Handler): Promise<Services> {
  server = await oddServer(handler);
  return servicesOf(await server.session());
}

const names = (holding: Holding) => Object.values(holding).flatMap(all => all.map(({ id }) => id));

describe('removing a run', () => {
  it('takes all that bears its name, and nothing of another run or of nobody', async () => {
    const holding = madeBy(others, madeBy(ours));
    const strange = { id: 'strange', name: `my ${ours.name}`, tags: [RUN_TAG] };
    for (const kind of ['servers', 'ports', 'security-groups', 'images'] as const)
      holding[kind].push(strange);
    expect(await removeRun(await services(littleCloud(holding)), ours)).toBe(true);
    const left = names(holding);
    expect(left.filter(id => id.includes(ours.name))).toEqual([]);
    expect(left).toEqual(expect.arrayContaining(names(madeBy(others))));
    expect(left.filter(id => id === 'strange')).toHaveLength(4);
  });

  it('asks again for what was still in use', async () => {
    const holding = madeBy(ours);
    const cloud = littleCloud(holding);
    let refused = 0;
    const handler: Handler = (request, response) => {
      // The port is there for a little longer, as a server's is that is on its way out.
      const early = request.method === 'DELETE' && request.url?.includes('/ports/') && refused++ < 2;
      if (early) response.writeHead(204).end();
      else cloud(request, response);
    };
    expect(await removeRun(await services(handler), ours)).toBe(true);
    expect(names(holding)).toEqual([]);
    const groups = server.asked.filter(each => /^DELETE .*security-groups/.test(each));
    expect(groups.length).toBe(3);
  });

  it('only asks when it was cancelled, once, also when the context is', async () => {
    const holding = madeBy(ours);
    const cloud = littleCloud(holding);
    const controller = new AbortController();
    server = await oddServer(cloud);
    const own = await servicesOf(await server.session({ signal: controller.signal }));
    controller.abort();
    expect(await removeRun(own, ours, { cancelled: true })).toBe(false);
    expect(names(holding)).toEqual([]);
    expect(server.asked.filter(each => each.startsWith('DELETE'))).toHaveLength(6);
  });

  it('tells what it could not remove, and does not claim to have', async () => {
    const warned: string[] = [];
    const holding = madeBy(ours);
    const cloud = littleCloud(holding);
    server = await oddServer((request, response) => {
      if (request.method === 'DELETE') response.writeHead(403).end('{"message": "policy"}');
      else cloud(request, response);
    });
    const log = { ...createContext().log, warn: (line: string) => void warned.push(line) };
    expect(await removeRun(await servicesOf(await server.session({ log })), ours)).toBe(false);
    expect(warned.at(-1)).toMatch(new RegExp(`^${ours.name} is left in the cloud, until .*403 Forbidden`));
  });
});

it('an image of another run among the tags is not taken for ours', async () => {
  const holding = emptyHolding();
  holding.images.push({ id: 'i', tags: [RUN_TAG, 'image-factory'] });
  expect(await listMade(await services(littleCloud(holding)))).toEqual([]);
});
