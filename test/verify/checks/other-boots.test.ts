import { describe, expect, it } from 'vitest';
import type { StaticNetwork } from '../../../src/boot/metadata/types.ts';
import { driveMetadata } from '../../../src/verify/checks/drive-metadata.ts';
import { serviceMetadata } from '../../../src/verify/checks/service-metadata.ts';
import { staticNetwork } from '../../../src/verify/checks/static-network.ts';
import { twins } from '../../../src/verify/checks/twins.ts';
import { type GuestCheck, NotApplicable } from '../../../src/verify/types.ts';
import { type Behaviour, guestUnderTest, NONCE } from '../guest.ts';

type Answers = NonNullable<Behaviour['answers']>;

const IDENTITY: Answers = [
  [/ssh_host/, 'ssh-rsa BBBB\nssh-ed25519 AAAA\n'],
  [/machine-id/, 'b08d\n'],
  [/random-seed/, '5eed  -\n'],
  [/^hostname$/, 'guest-1\n'],
];

function twinsOf(one: Answers, other: Readonly<Record<string, string>> = {}) {
  const guest = guestUnderTest({ answers: [...one, ...IDENTITY] });
  const theirs = {
    ssh_host: 'ssh-rsa CCCC\nssh-ed25519 DDDD\n',
    'machine-id': 'c0de\n',
    hostname: 'guest-2\n',
    ...other,
  };
  const commands = twins.compares ?? [];
  const answers = commands.map(command => {
    const found = Object.entries(theirs).find(([sign]) => command.includes(sign));
    return [command, { status: 0, stdout: found?.[1] ?? '', stderr: '' }] as const;
  });
  return { ...guest, twin: async () => new Map(answers) };
}

describe('twins', () => {
  it('passes two that share nothing', async () => {
    expect(await twins.run(twinsOf([]))).toBe(
      'two instances have each their own ssh host keys, machine id, host name',
    );
    const seeded = twinsOf([], { 'random-seed': 'feed  -\n' });
    expect(await twins.run(seeded)).toContain('random seed');
  });

  it.each([
    ['ssh_host', 'ssh-ecdsa EEEE\nssh-ed25519 AAAA\n', /the same ssh host keys: ssh-ed25519 AAAA/],
    ['machine-id', 'b08d\n', /the same machine id: b08d/],
    ['random-seed', '5eed  -\n', /the same random seed/],
    ['hostname', 'guest-1\n', /the same host name/],
  ])('fails two with the same %s', async (sign, text, message) => {
    await expect(twins.run(twinsOf([], { [sign]: text }))).rejects.toThrow(message);
  });

  it('fails one without host keys, and where there is nothing to compare with', async () => {
    await expect(twins.run(twinsOf([[/ssh_host/, '']]))).rejects.toThrow('an instance has no ssh host keys');
    const alone = { ...twinsOf([]), twin: async () => new Map() };
    await expect(twins.run(alone)).rejects.toThrow(/nothing to compare with/);
  });
});

const CARRIED_OUT: Answers = [[/head -c 4096/, NONCE]];

describe.each([
  ['drive-metadata', driveMetadata, 'configdrive\n', undefined],
  [
    'service-metadata',
    serviceMetadata,
    'openstack\n',
    ['/openstack/latest/meta_data.json', '/openstack/latest/user_data'],
  ],
] as const)('%s', (_name, check: GuestCheck, source, paths) => {
  const guest = (answers: Answers, asked: readonly string[] | undefined = paths) =>
    guestUnderTest({
      answers: [...answers, [/cloud-id/, source], ...CARRIED_OUT],
      told: asked === undefined ? {} : { asked: () => asked },
    });

  it('passes a guest that carried all of it out', async () => {
    expect(await check.run(guest([]))).toMatch(/carried out$/);
  });

  it('fails one that took its data from elsewhere', async () => {
    await expect(check.run(guest([[/cloud-id/, 'nocloud\n']]))).rejects.toThrow('took its data from nocloud');
  });

  it.each(['script', 'vendor-data'])('fails one that left the %s', async what => {
    await expect(check.run(guest([[new RegExp(`${what} `), '']]))).rejects.toThrow(/was not carried out/);
  });
});

it('fails a guest that says OpenStack and never asked its service', async () => {
  const guest = guestUnderTest({
    answers: [[/cloud-id/, 'openstack\n'], ...CARRIED_OUT],
    told: { asked: () => ['/openstack'] },
  });
  await expect(serviceMetadata.run(guest)).rejects.toThrow('was not asked for meta_data.json');
  await expect(serviceMetadata.run(guestUnderTest())).rejects.toThrow(NotApplicable);
});

const NETWORK: StaticNetwork = {
  ...{ router: '10.70.83.2', resolver: '10.70.83.53' },
  first: { mac: '52:54:00:83:01:02', address: '10.70.83.77', ipv6: 'fd0a:46:53::77', mtu: 1400 },
  second: { mac: '52:54:00:84:01:02', address: '10.70.84.77' },
};

function links(change: { mtu?: number; ipv6?: string; second?: string; more?: string } = {}) {
  const global = (local: string, prefixlen: number) => ({ local, prefixlen, scope: 'global' });
  const [mine, other] = [NETWORK.first, NETWORK.second];
  const first = [global(mine.address, 24), global(change.ipv6 ?? mine.ipv6 ?? '', 64)];
  return JSON.stringify([
    {
      ifname: 'lo',
      address: '00:00:00:00:00:00',
      addr_info: [{ local: '127.0.0.1', prefixlen: 8, scope: 'host' }],
    },
    {
      ...{ ifname: 'enp0s4', address: mine.mac, mtu: change.mtu ?? 1400 },
      addr_info: [...first, ...(change.more === undefined ? [] : [global(change.more, 24)])],
    },
    {
      ifname: 'enp0s5',
      address: other.mac,
      mtu: 1500,
      addr_info: [global(change.second ?? other.address, 24)],
    },
  ]);
}

describe('static-network', () => {
  const guest = (addresses: string, more: Answers = []) =>
    guestUnderTest({
      answers: [
        ...more,
        [/addr show/, addresses],
        [/route show/, JSON.stringify([{ dst: 'default', gateway: NETWORK.router }])],
        [/resolv\.conf/, `nameserver ${NETWORK.resolver}\n`],
      ],
      told: { network: NETWORK },
    });

  it('passes what was told', async () => {
    expect(await staticNetwork.run(guest(links()))).toContain('MTU 1400');
  });

  it.each([
    ['another MTU', links({ mtu: 1500 }), /the MTU of the first interface is 1500, not 1400/],
    ['no IPv6 address', links({ ipv6: 'fe80::1' }), /has no fd0a:46:53::77\/64/],
    [
      'an address beside it',
      links({ more: '10.70.83.100' }),
      /has 10\.70\.83\.100\/24, which nobody gave it/,
    ],
    [
      'another second address',
      links({ second: '10.70.84.15' }),
      /the second interface has no 10\.70\.84\.77/,
    ],
    ['no second interface', JSON.stringify(JSON.parse(links()).slice(0, 2)), /there is no second interface/],
    ['no iproute2', 'nonsense', /cannot be read as JSON/],
  ])('fails a guest with %s', async (_what, addresses, message) => {
    await expect(staticNetwork.run(guest(addresses))).rejects.toThrow(message);
  });

  it('fails a guest without the route or the resolver', async () => {
    await expect(staticNetwork.run(guest(links(), [[/route show/, '[]']]))).rejects.toThrow(
      /leads to nowhere/,
    );
    const other = guest(links(), [[/resolv\.conf/, 'nameserver 1.1.1.1\n']]);
    await expect(staticNetwork.run(other)).rejects.toThrow(`no resolver ${NETWORK.resolver}`);
  });

  it('has nothing to look at where no addresses are told', async () => {
    await expect(staticNetwork.run(guestUnderTest())).rejects.toThrow(NotApplicable);
  });
});
