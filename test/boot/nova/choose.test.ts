import { afterEach, describe, expect, it } from 'vitest';
import { choosePlace, type Needs } from '../../../src/boot/nova/choose.ts';
import type { Wishes } from '../../../src/boot/nova/types.ts';
import { DefinitionError } from '../../../src/host/errors.ts';
import { servicesOf } from '../../../src/openstack/runs/leftovers.ts';
import { json, type OddServer, oddServer } from '../../openstack/server.ts';

const GIB = 1024 ** 3;
const NEEDS: Needs = { memory: GIB / 2, imageSize: 2 * GIB };

let server: OddServer;
afterEach(() => server.close());

const network = (id: string, more: object = {}) => ({ id, name: id, subnets: ['s'], ...more });
const OUTSIDE = network('outside', { 'router:external': true });
const PRIVATE = network('private');
const SHARED = network('shared', { shared: true });

const FLAVORS = [
  { id: '1', name: 'tight', ram: 512, vcpus: 1, disk: 2 },
  { id: '2', name: 'wide', ram: 512, vcpus: 1, disk: 8 },
  { id: '3', name: 'large', ram: 4096, vcpus: 4, disk: 80 },
];

const PORT = {
  ...{ id: 'p', name: '', network_id: 'private', status: 'ACTIVE', device_id: 'r', mac_address: 'm' },
  ...{ fixed_ips: [], security_groups: [] },
};
const ROUTER = { id: 'r', name: '', status: 'ACTIVE', external_gateway_info: { network_id: 'outside' } };

/** A cloud with these networks, of which `private` has a router that leads to `outside`. */
async function choose(networks: readonly object[], wishes: Wishes = {}, needs = NEEDS) {
  const answers: Record<string, unknown> = {
    '/flavors/detail': { flavors: FLAVORS },
    '/v2.0/networks': { networks },
    '/v2.0/ports': { ports: [PORT] },
    '/v2.0/routers/r': { router: ROUTER },
    '/': { version: { version: '2.79', min_version: '2.1' } },
  };
  server = await oddServer((request, response) => {
    const asked = new URL(request.url ?? '', 'http://x');
    const path = asked.pathname.replace(/^\/v2\.1/, '');
    const other = path === '/v2.0/ports' && asked.searchParams.get('network_id') !== 'private';
    json(response, other ? { ports: [] } : answers[path]);
  });
  const { flavor, network, floatingNetwork } = await choosePlace(
    await servicesOf(await server.session()),
    wishes,
    needs,
  );
  return [flavor.name, network.name, floatingNetwork?.name];
}

describe('the place of a server', () => {
  it("is the project's only network, the outside of its router, and the smallest flavor that is larger", async () => {
    expect(await choose([OUTSIDE, PRIVATE, SHARED])).toEqual(['wide', 'private', 'outside']);
  });

  it('is the only shared network where the project has none, without a floating IP where no router is', async () => {
    expect(await choose([OUTSIDE, SHARED])).toEqual(['wide', 'shared', undefined]);
  });

  it('is what was named, by name or id', async () => {
    const wishes = { flavor: '3', network: 'shared', floatingNetwork: 'outside' };
    expect(await choose([OUTSIDE, PRIVATE, SHARED], wishes)).toEqual(['large', 'shared', 'outside']);
  });

  it('has no floating IP where none is wished for', async () => {
    expect(await choose([OUTSIDE, PRIVATE], { floatingNetwork: 'none' })).toEqual([
      'wide',
      'private',
      undefined,
    ]);
  });

  it.each([
    [[OUTSIDE], {}, /no network for a server: make one/],
    [[PRIVATE, network('other')], {}, /several networks: name private or other$/],
    [[PRIVATE], { network: 'pivate' }, /no network pivate: did you mean private\?/],
    [[PRIVATE, { ...PRIVATE, id: 'twin' }], { network: 'private' }, /by its id: private or twin$/],
    [[PRIVATE], { flavor: 'tight' }, /disk of 2 GiB, and a root filesystem that grows needs 3/],
    [[PRIVATE], { flavor: 'widee' }, /no flavor widee: did you mean wide\?/],
  ] as const)('is refused in one line: %#', async (networks, wishes, line) => {
    const error = await choose(networks, wishes).catch(each => each);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.line).toMatch(line);
  });

  it('needs a flavor with as much memory as was asked', async () => {
    await expect(choose([PRIVATE], {}, { ...NEEDS, memory: 8 * GIB })).rejects.toThrow('8192 MiB');
  });
});
