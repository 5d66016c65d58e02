import { afterEach, expect, it } from 'vitest';
import { allowIngress, floatingIps, ports, securityGroups } from '../../../src/openstack/network/network.ts';
import { type Handler, json, type OddServer, oddServer } from '../server.ts';

let server: OddServer;

afterEach(() => server.close());

async function neutron(handle: Handler) {
  server = await oddServer(handle);
  return (await server.session()).service('network');
}

const FLOATING = {
  id: 'f1',
  floating_ip_address: '192.0.2.7',
  floating_network_id: 'n',
  port_id: null,
  status: 'DOWN',
};

it('finds what it made when the answer was lost, and tags it', async () => {
  const service = await neutron((request, response) => {
    if (request.method === 'POST') request.socket.destroy();
    else if (request.method === 'PUT') json(response, { tags: ['run-1'] });
    else json(response, { floatingips: [FLOATING] });
  });
  const own = { description: 'image-factory run-1' };
  const made = await floatingIps.create(service, own, { floating_network_id: 'n' }, ['run-1']);
  expect(made).toEqual({
    id: 'f1',
    address: '192.0.2.7',
    network: 'n',
    port: undefined,
    status: 'DOWN',
    description: '',
  });
  expect(server.asked).toEqual([
    'POST /v2.0/floatingips',
    'GET /v2.0/floatingips?description=image-factory+run-1',
    'PUT /v2.0/floatingips/f1/tags',
  ]);
});

it('writes kinds of two words with a dash in paths and an underscore in bodies', async () => {
  const service = await neutron((request, response) => {
    if (request.method !== 'POST') return json(response, { tags: [] });
    return json(response, { security_group: { ...JSON.parse(request.text).security_group, id: 'g1' } }, 201);
  });
  const group = await securityGroups.create(service, { name: 'ours' }, { description: 'd' }, ['run-1']);
  expect(group).toEqual({ id: 'g1', name: 'ours' });
  expect(server.asked).toEqual(['POST /v2.0/security-groups', 'PUT /v2.0/security-groups/g1/tags']);
});

it('reads every page of a list', async () => {
  const port = (id: string) => ({
    ...{
      id,
      name: '',
      network_id: 'n',
      status: 'ACTIVE',
      device_id: 's',
      mac_address: 'm',
      security_groups: [],
    },
    fixed_ips: [{ subnet_id: 'a', ip_address: '10.0.0.2' }],
  });
  const service = await neutron((request, response) => {
    const first = !request.url?.includes('marker');
    const links = first ? [{ rel: 'next', href: `${server.url}/v2.0/ports?tags=run-1&marker=p1` }] : [];
    json(response, { ports: [port(first ? 'p1' : 'p2')], ports_links: links });
  });
  expect((await ports.list(service, { tags: 'run-1' })).map(each => each.id)).toEqual(['p1', 'p2']);
  expect(server.asked).toEqual(['GET /v2.0/ports?tags=run-1', 'GET /v2.0/ports?tags=run-1&marker=p1']);
});

it('takes a rule that is there for added, and a thing that is gone for removed, and nothing else', async () => {
  const service = await neutron((request, response) => {
    if (request.method === 'DELETE') return json(response, {}, 404);
    const message = request.text.includes('"tcp"') ? 'Security group rule already exists.' : 'Quota exceeded';
    return json(response, { NeutronError: { message, type: 'x', detail: '' } }, 409);
  });
  await ports.remove(service, 'p1');
  await allowIngress(service, 'g', { protocol: 'tcp', port: 22, version: 4 });
  await expect(allowIngress(service, 'g', { protocol: 'icmp', version: 4 })).rejects.toThrow(
    'Quota exceeded',
  );
});
