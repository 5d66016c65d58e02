import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { CheckError, NetworkError } from '../../../src/host/errors.ts';
import { customer } from '../../../src/verify/checks/customer.ts';
import { NotApplicable } from '../../../src/verify/types.ts';
import { guestUnderTest } from '../guest.ts';

const SOURCES = `bookworm
### file sources.list.d/debian.sources
Types: deb
URIs: https://deb.acme.example/debian
Suites: bookworm
Components: main
`;
const BOOT = ['linux-image-6.1.0-41-amd64', 'grub-pc', 'shim-signed'];
/** It is told by a trigger what the others brought. */
const INSTALLER = 'grub-cloud-amd64';
const TRIGGERED = `Processing triggers for ${INSTALLER} (0.0.5) ...\n`;
const again = (names: readonly string[]) => names.map(name => `Setting up ${name} (1-1) ...\n`).join('');

interface Guest {
  readonly sources?: string;
  /** Status and complaint of the command that has this in it. */
  readonly fails?: readonly [sign: string, complaint: string];
  readonly reinstalled?: readonly string[];
  readonly triggered?: string;
  /** What the mirror answers who asks while the lists are fetched. */
  readonly mirrorStatus?: number;
}

/** A guest that upgrades, and asks the mirror once as apt does. */
async function upgrading({
  sources = SOURCES,
  fails = ['never', ''],
  reinstalled = BOOT,
  triggered = TRIGGERED,
  mirrorStatus = 200,
}: Guest = {}) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`mirror ${request.url}`);
    response.writeHead(mirrorStatus).end();
  }).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const archive = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
  const guest = guestUnderTest();
  const { machine } = guest;
  const open = () => {
    seen.push('open');
    return { address: '127.0.0.1', shut: () => void seen.push('shut') };
  };
  let boot = 'first';
  let address = '';
  const said: readonly (readonly [sign: string, text: string])[] = [
    ['VERSION_CODENAME', sources],
    ['dist-upgrade', again(['libc6', 'tzdata'])],
    ['dpkg-query', `${[...BOOT, INSTALLER].join('\n')}\n`],
    ['--reinstall', again(reinstalled) + triggered],
  ];
  const ssh: typeof machine.ssh = async (command, options) => {
    const has = (sign: string) => command.includes(sign);
    if (has(fails[0])) return { status: 100, stdout: '', stderr: fails[1] };
    if (has('mirror.sources')) address = /127\S+?:\d+/.exec(String(options?.input))?.[0] ?? '';
    if (has(' update')) await fetch(`http://${address}/archive/dists/bookworm/InRelease`);
    if (has('rm -rf')) seen.push('removed');
    // What is configured itself is triggered no more.
    if (has('--reinstall') && has(INSTALLER)) seen.push('no trigger');
    if (has('systemctl reboot')) boot = 'second';
    const stdout = has('boot_id') ? boot : (said.find(([sign]) => has(sign))?.[1] ?? '');
    return { status: 0, stdout, stderr: '' };
  };
  const packageMirror = async () => ({ archive, security: `${archive}-security` });
  const network = machine.network && { ...machine.network, open };
  return { guest: { ...guest, packageMirror, machine: { ...machine, ssh, network } }, seen };
}

it('passes what is as before after upgrade, reinstall and reboot, and leaves nothing open', async () => {
  const { guest, seen } = await upgrading();
  expect(await customer.run(guest)).toMatch(
    /^2 packages upgraded from 127\.0\.0\.1:\d+, linux-image-6\.1\.0-41-amd64, grub-pc, shim-signed reinstalled; back after .* with the same/,
  );
  expect(seen).toEqual(['open', 'mirror /debian/dists/bookworm/InRelease', 'removed', 'shut']);
});

it.each<[string, Guest, RegExp]>([
  [
    'an upgrade breaks',
    { fails: ['dist-upgrade', 'dpkg: error'] },
    /^the upgrade ended .* 100: dpkg: error$/,
  ],
  [
    'the boot menu names what is not there',
    { fails: ['grub-script-check', 'no /boot/vmlinuz'] },
    /^the check of the boot menu ended .*no \/boot\/vmlinuz$/,
  ],
  ['its boot loader is not reinstalled', { reinstalled: BOOT.slice(0, 1) }, /grub-pc, shim-signed$/],
  ['nothing puts the boot loader on the disk', { triggered: '' }, /^grub-cloud-amd64 did not put the boot/],
  ['its kernel is not reinstalled', { reinstalled: BOOT.slice(1) }, /^no kernel was reinstalled/],
  ['it knows no source', { sources: 'bookworm\n' }, /^it has no source of packages/],
])('fails when %s', async (_how, behaviour, message) => {
  const { guest, seen } = await upgrading(behaviour);
  const error: unknown = await customer.run(guest).catch(each => each);
  expect(error).toBeInstanceOf(CheckError);
  expect((error as CheckError).message).toMatch(message);
  expect(seen.at(-1)).toBe('shut');
});

it('lays what a mirror does not answer to the place, not to the image', async () => {
  const { guest } = await upgrading({ mirrorStatus: 503, fails: ['dist-upgrade', 'E: no lists'] });
  const error: unknown = await customer.run(guest).catch(each => each);
  expect(error).toBeInstanceOf(NetworkError);
  expect(String(error)).toMatch(/the package mirror 127\.0\.0\.1:\d+ does not answer .*503/);
});

it('is no pass where no mirror is known', () =>
  expect(customer.run(guestUnderTest())).rejects.toThrow(NotApplicable));
