import { afterEach, describe, expect, it } from 'vitest';
import { Maker } from '../../../src/boot/nova/make.ts';
import { createContext } from '../../../src/host/context.ts';
import { servicesOf } from '../../../src/openstack/runs/leftovers.ts';
import { newRun, RUN_TAG } from '../../../src/openstack/runs/run.ts';
import { emptyHolding, littleCloud } from '../../openstack/little-cloud.ts';
import { type OddServer, oddServer } from '../../openstack/server.ts';

let server: OddServer;
afterEach(() => server.close());

const NETWORK = { id: 'n', name: 'private', subnets: ['s'], shared: false, external: false };

/** Makes one of everything; `told` is what was written down and what was asked for, in turn. */
async function makeAll() {
  const holding = emptyHolding();
  const told: string[] = [];
  const cloud = littleCloud(holding);
  server = await oddServer((request, response) => {
    if (request.method === 'POST') told.push(`asked for ${request.url?.split('/').at(-1)}`);
    cloud(request, response);
  });
  const run = newRun(createContext());
  const intend = async (kind: string) => void told.push(`wrote ${kind}`);
  const journal = { intend, end: async () => {} };
  const maker = new Maker(await servicesOf(await server.session()), run, journal);
  await maker.key('ssh-ed25519 AAAA');
  const port = await maker.port(NETWORK);
  await maker.floatingIp({ ...NETWORK, id: 'outside' }, port);
  await maker.server('main', { image: 'i', flavor: 'f', networks: [{ port: port.id }], keyName: run.name });
  return { told, holding, run };
}

describe('what a run makes', () => {
  it('is written down before it is asked for', async () => {
    const { told } = await makeAll();
    expect(told.filter(each => each !== 'asked for security-group-rules')).toEqual([
      ...['wrote key', 'asked for os-keypairs', 'wrote security group', 'asked for security-groups'],
      ...['wrote port', 'asked for ports', 'wrote floating IP', 'asked for floatingips'],
      ...['wrote server main', 'asked for servers'],
    ]);
  });

  it('bears its name in the request that makes it', async () => {
    const { holding, run } = await makeAll();
    const { name } = run;
    expect(holding.servers).toMatchObject([{ name, tags: [RUN_TAG, `${name}-main`] }]);
    expect(holding.ports).toMatchObject([{ name, security_groups: [holding['security-groups'][0]?.id] }]);
    expect(holding['security-groups']).toMatchObject([{ name }]);
    expect(holding['os-keypairs']).toMatchObject([{ name }]);
    expect(holding.floatingips).toMatchObject([{ description: name, port_id: holding.ports[0]?.id }]);
  });
});
