import type { NetworkInterface, StaticNetwork } from '../../boot/metadata/types.ts';
import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const ADDRESSES = 'ip -j addr show';
const ROUTES = 'ip -4 -j route show default';
const RESOLVER = 'cat /run/systemd/resolve/resolv.conf 2> /dev/null || cat /etc/resolv.conf';

export const staticNetwork: GuestCheck = {
  kind: 'guest',
  name: 'static-network',
  protects:
    'A server sets up the addresses that its cloud tells it without DHCP: IPv4, IPv6, MTU, a second interface.',
  severity: 'required',
  places: ['runner'],
  boot: 'drive',
  asks: () => [ADDRESSES, ROUTES, RESOLVER],
  async run(guest) {
    const network = guest.machine.told?.network;
    if (network === undefined) throw new NotApplicable('this machine tells no addresses');
    const links = read(await asked(guest, ADDRESSES));
    const routes = read(await asked(guest, ROUTES));
    const wrong = [
      ...interfaceFaults('first', links, network.first),
      ...interfaceFaults('second', links, network.second),
      ...routeFaults(routes, network),
      ...((await asked(guest, RESOLVER)).includes(network.resolver)
        ? []
        : [`no resolver ${network.resolver}`]),
    ];
    if (wrong.length > 0) throw new CheckError(wrong.join('; '));
    const { first, second } = network;
    return `${first.address}, ${first.ipv6} and MTU ${first.mtu} on one interface, ${second.address} on another`;
  },
};

type Row = Readonly<Record<string, unknown>>;

/** What `ip -j` writes: an array of objects. */
function read(text: string): readonly Row[] {
  try {
    const told: unknown = JSON.parse(text);
    if (Array.isArray(told)) return told.filter(each => typeof each === 'object' && each !== null);
  } catch {
    // Told below.
  }
  throw new CheckError('what ip writes cannot be read as JSON', { advice: 'the image needs iproute2' });
}

function interfaceFaults(which: string, links: readonly Row[], wanted: NetworkInterface): string[] {
  const link = links.find(({ address }) => address === wanted.mac);
  if (link === undefined) return [`there is no ${which} interface`];
  const told = Array.isArray(link.addr_info) ? (link.addr_info as readonly Row[]) : [];
  const addresses = told
    .filter(({ scope }) => scope === 'global')
    .map(each => `${each.local}/${each.prefixlen}`);
  const expected = [`${wanted.address}/24`, ...(wanted.ipv6 === undefined ? [] : [`${wanted.ipv6}/64`])];
  const missing = expected.filter(address => !addresses.includes(address));
  const seen = addresses.join(', ') || 'none';
  return [
    ...missing.map(address => `the ${which} interface has no ${address}, but ${seen}`),
    ...addresses
      .filter(address => !expected.includes(address))
      .map(address => `the ${which} interface has ${address}, which nobody gave it`),
    ...(wanted.mtu === undefined || link.mtu === wanted.mtu
      ? []
      : [`the MTU of the ${which} interface is ${link.mtu}, not ${wanted.mtu}`]),
  ];
}

function routeFaults(routes: readonly Row[], { router }: StaticNetwork): string[] {
  const gateways = routes.map(({ gateway }) => gateway);
  if (gateways.length === 1 && gateways[0] === router) return [];
  return [`the default route leads to ${gateways.join(' and ') || 'nowhere'}, not to ${router}`];
}
