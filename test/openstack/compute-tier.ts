import { setTimeout as delay } from 'node:timers/promises';
import { Caller } from './admin.ts';
import { computeEndpoints, PEOPLE, populate, SERVICE_USERS } from './identity.ts';
import { linksOf } from './node.ts';
import type { Place } from './place.ts';
import { startLibvirt } from './services/libvirt.ts';
import { NEUTRON, PHYSICAL, prepareNeutron, restartAgents, startNeutron } from './services/neutron.ts';
import { findHost, METADATA, METADATA_SECRET, NOVA, prepareNova, startNova } from './services/nova.ts';
import { PLACEMENT, preparePlacement, startPlacement } from './services/placement.ts';
import { startMessages } from './services/rabbitmq.ts';

const AGENTS = 4;
const PATIENCE = 120_000;
/** Milliseconds in which agents do what they were told, on a busy machine. */
const WIRING = 60_000;
/** Of a project's network: DHCP, and the two ends of its router. */
const OWN_PORTS = 3;

/** name, MiB of memory, GiB of disk. A disk of 0 is refused to ordinary users by Nova's policy. */
const FLAVORS = [
  ['m1.guest', 512, 4],
  ['m1.big', 1024, 10],
] as const;

/** Placement, Nova and Neutron in one region, the node as their only host, flavors and networks. */
export async function bringUpCompute(place: Place, region: string): Promise<void> {
  await place.choosePorts([PLACEMENT, NOVA, METADATA, NEUTRON]);
  await place.chooseSecrets([...SERVICE_USERS[2], METADATA_SECRET]);
  await Promise.all([
    startMessages(place),
    startLibvirt(place),
    prepareNova(place, region),
    Promise.all([preparePlacement(place, region), prepareNeutron(place, region)]),
    place.once('compute identity', () => populate(place, SERVICE_USERS[2], computeEndpoints(place, region))),
  ]);
  await Promise.all([startPlacement(place), startNova(place), startNeutron(place)]);
  await findHost(place);
  const admin = await Caller.login(place, 'admin');
  await place.once('flavors', () => makeFlavors(admin.at(`${place.url(NOVA)}/v2.1`)));
  const neutron = admin.at(`${place.url(NEUTRON)}/v2.0`);
  await waitForAgents(neutron);
  await place.once('networks', () => makeNetworks(place, neutron));
  await waitForWires(place, neutron);
}

async function makeFlavors(nova: Caller): Promise<void> {
  for (const [name, ram, disk] of FLAVORS) await nova.named('flavors', name, { ram, disk, vcpus: 1 });
}

async function waitForAgents(neutron: Caller): Promise<void> {
  // Neutron 21.0.0 answers 500 to a list of ports until its worker's first query of another kind.
  await neutron.list('networks');
  const end = Date.now() + PATIENCE;
  while ((await neutron.list('agents')).filter(each => each.alive === true).length < AGENTS) {
    if (Date.now() > end)
      throw new Error(`Neutron has not ${AGENTS} living agents after ${PATIENCE / 1000} s`);
    await delay(300);
  }
}

async function makeNetworks(place: Place, admin: Caller): Promise<void> {
  const { external, provider } = linksOf(place);
  const outside = await makeFlat(admin, 'public', PHYSICAL.external, external.prefix, {
    network: { 'router:external': true },
    subnet: { enable_dhcp: false },
  });
  await makeFlat(admin, 'provider', PHYSICAL.provider, provider.prefix, {
    network: { shared: true },
    subnet: { enable_dhcp: true },
  });
  for (const who of PEOPLE) {
    const own = (await Caller.login(place, who)).at(`${place.url(NEUTRON)}/v2.0`);
    await makePrivate(own, outside);
  }
}

/** Until the agents have plugged in what they were told to: of each project's network and of the provider's. */
async function waitForWires(place: Place, neutron: Caller): Promise<void> {
  const wanted = PEOPLE.length * OWN_PORTS + 1;
  for (let restarts = 0; ; restarts++) {
    const end = Date.now() + WIRING;
    let plugged = 0;
    while (plugged < wanted && Date.now() < end) {
      await delay(500);
      const ports = await neutron.list('ports');
      const agents = ports.filter(each => String(each.device_owner).startsWith('network:'));
      plugged = agents.filter(({ status }) => status === 'ACTIVE').length;
    }
    if (plugged >= wanted) return;
    if (restarts === 2) throw new Error(`Neutron's agents plugged in ${plugged} of ${wanted} ports`);
    await restartAgents(place);
  }
}

/** A network that is a wire of the node's; the host is its gateway. @returns its id */
async function makeFlat(
  admin: Caller,
  name: string,
  physical: string,
  prefix: string,
  more: { readonly network: object; readonly subnet: object },
): Promise<string> {
  const wire = { 'provider:network_type': 'flat', 'provider:physical_network': physical };
  const { id } = await admin.named('networks', name, { ...wire, ...more.network });
  await admin.named('subnets', name, {
    ...{ network_id: id, ip_version: 4, cidr: `${prefix}.0/24`, gateway_ip: `${prefix}.1` },
    ...{ allocation_pools: [{ start: `${prefix}.100`, end: `${prefix}.200` }], ...more.subnet },
  });
  return id;
}

/** A project's own network, the same in each on purpose, behind a router. */
async function makePrivate(own: Caller, outside: string): Promise<void> {
  const network = await own.named('networks', 'private');
  const subnet = await own.named('subnets', 'private', {
    ...{ network_id: network.id, ip_version: 4, cidr: '10.77.0.0/24' },
  });
  const gateway = { external_gateway_info: { network_id: outside } };
  const router = await own.named('routers', 'router', gateway);
  await own.call('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
}
