import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CHECK_NAMES } from '../../../src/definition/builtin.ts';
import { CheckError } from '../../../src/host/errors.ts';
import { address } from '../../../src/verify/checks/address.ts';
import { consoleLog } from '../../../src/verify/checks/console.ts';
import { CHECKS } from '../../../src/verify/checks/index.ts';
import { resolver } from '../../../src/verify/checks/resolver.ts';
import { rootGrows } from '../../../src/verify/checks/root-grows.ts';
import { rootPassword } from '../../../src/verify/checks/root-password.ts';
import { running } from '../../../src/verify/checks/running.ts';
import { ssh } from '../../../src/verify/checks/ssh.ts';
import { userData } from '../../../src/verify/checks/user-data.ts';
import type { GuestCheck } from '../../../src/verify/types.ts';
import { type Behaviour, guestUnderTest, RESOLVER } from '../guest.ts';

async function expectFailure(check: GuestCheck, behaviour: Behaviour, message: RegExp): Promise<void> {
  const failing = check.run(guestUnderTest(behaviour));
  await expect(failing).rejects.toThrow(CheckError);
  await expect(check.run(guestUnderTest(behaviour))).rejects.toThrow(message);
}

/** A server that says a text to whoever connects, and ends. */
async function greeter(text: string): Promise<{ host: string; port: number }> {
  const server = createServer(socket => socket.end(text)).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const at = server.address();
  return { host: '127.0.0.1', port: typeof at === 'object' && at !== null ? at.port : 0 };
}

it('knows the checks that a factory file may ask for', () => {
  expect(CHECKS.map(check => check.name).sort()).toEqual([...CHECK_NAMES].sort());
  for (const check of CHECKS) expect(check.protects).toMatch(/^[A-Z].*\.$/);
});

describe('running', () => {
  it('passes', async () => expect(await running.run(guestUnderTest())).toMatch(/running, under tcg/));
  it.each(['paused', 'io-error', 'ended: QEMU ended with SIGSEGV'])('fails when it is %s', status =>
    expectFailure(running, { status }, new RegExp(status)),
  );
});

describe('address', () => {
  it('passes when an ssh server answers', async () => {
    const where = await greeter('SSH-2.0-OpenSSH_9.2p1\r\n');
    expect(await address.run(guestUnderTest({ address: where }))).toMatch(/answers SSH-2\.0-OpenSSH_9\.2p1$/);
  });

  it.each([
    ['something else answers', '220 mail.example.net\r\n', /"220 mail.example.net", which is no ssh server/],
    ['the guest closes at once', '', /does not lead to the guest: the connection was closed/],
  ])('fails when %s', async (_how, text, message) =>
    expectFailure(address, { address: await greeter(text) }, message),
  );

  it('fails when nobody listens', () =>
    expectFailure(address, { address: { host: '127.0.0.1', port: 1 } }, /ECONNREFUSED/));
});

describe('ssh', () => {
  it('passes', async () => expect(await ssh.run(guestUnderTest())).toMatch(/^debian is in/));
  it.each<[string, Behaviour['answers'], RegExp]>([
    ['the key is refused', [[/^id/, 255]], /ended with status 255 \(it went wrong\)/],
    ['somebody else is logged in', [[/^id/, 'root\n']], /the user is root, not debian/],
    ['sudo asks for a password', [[/^id/, 'debian\n1\n']], /sudo asks debian for a password \(status 1\)/],
  ])('fails when %s', (_how, answers = [], message) => expectFailure(ssh, { answers }, message));
});

describe('user-data', () => {
  it('passes', async () => expect(await userData.run(guestUnderTest())).toMatch(/wrote its file and ran/));
  it.each<[string, Behaviour['answers'], RegExp]>([
    ['the file is not there', [[/user-data$/, 1]], /status 1/],
    ['another file is there', [[/user-data$/, 'other']], /does not hold what user-data wrote/],
    ['the command did not run', [[/sha256$/, 1]], /status 1/],
    ['the command ran on something else', [[/sha256$/, 'abc  x']], /was not carried out/],
  ])('fails when %s', (_how, answers = [], message) => expectFailure(userData, { answers }, message));

  it('fails when cloud-init says that it failed', async () => {
    const guest = guestUnderTest({}, { status: 'error', detail: 'status: error' });
    await expect(userData.run(guest)).rejects.toThrow('cloud-init failed: status: error');
  });

  it('passes a degraded cloud-init, and says so', async () => {
    const guest = guestUnderTest({}, { status: 'degraded', detail: 'a deprecated key' });
    expect(await userData.run(guest)).toMatch(/cloud-init is degraded: a deprecated key$/);
  });
});

describe('resolver', () => {
  it('passes through a local stub', async () =>
    expect(await resolver.run(guestUnderTest())).toMatch(/nobody else, through the stub at 127\.0\.0\.53$/));

  it('passes without one', async () => {
    const answers = [[/resolv\.conf$/, `nameserver ${RESOLVER}\n`]] as const;
    expect(await resolver.run(guestUnderTest({ answers }))).toMatch(/nobody else$/);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['another one is asked', ['192.0.2.53'], /asked 192\.0\.2\.53, and 10\.70\.83\.53 was handed out/],
    ['another one is asked too', [RESOLVER, '192.0.2.53'], /asked 10\.70\.83\.53, 192\.0\.2\.53, and/],
    ['no question leaves the guest', [], /no question left the guest/],
  ])('fails when %s', (_how, asked, message) => expectFailure(resolver, { asked }, message));

  it('asks for a name that nobody asked for before', async () => {
    const guest = guestUnderTest();
    await resolver.run(guest);
    const { commands } = guest.machine as ReturnType<typeof import('../guest.ts').fakeMachine>;
    expect(commands[0]).toMatch(/timeout 40 getent ahosts c0ffee\.unresolved\.example\.net /);
  });
});

describe('root-password', () => {
  it.each(['*', '!', '!*', '!$6$salt$hash'])('passes a field %s', async field => {
    const answers = [[/shadow/, `root:${field}:20778:0:99999:7:::\n`]] as const;
    expect(await rootPassword.run(guestUnderTest({ answers }))).toBe("root's password is locked");
  });

  it.each<[string, string | number, RegExp]>([
    ['an empty field', 'root::20778:0:99999:7:::\n', /empty: anybody may log in/],
    ['a password', 'root:$y$j9T$salt$hash:20778:0:99999:7:::\n', /^root has a password$/],
    ['no entry', '\n', /no entry/],
    ['an answer about somebody else', 'toor:*:1::::::\n', /no entry/],
    ['a sudo that refuses', 1, /status 1/],
  ])('fails for %s', (_what, answer, message) =>
    expectFailure(rootPassword, { answers: [[/shadow/, answer]] }, message),
  );
});

describe('root-grows', () => {
  it('passes', async () => expect(await rootGrows.run(guestUnderTest())).toMatch(/^3994 MiB .* 4096 MiB/));
  it('passes where other partitions keep their size', async () => {
    const told = guestUnderTest({ answers: [[/^stat/, '700000 4096\n']] });
    expect(await rootGrows.run(told)).toMatch(/^2734 MiB .* 4096 MiB/);
  });
  it.each<[string, string | number, RegExp]>([
    ['a root of the size of the image', '250000 4096\n', /did not grow: 977 MiB .* on a disk of 4096 MiB/],
    ['a partition that grew half', '500000 4096\n', /did not grow/],
    ['an answer that is no number', 'a lot\n', /cannot be read/],
    ['no answer', 1, /status 1/],
  ])('fails for %s', (_what, answer, message) =>
    expectFailure(rootGrows, { answers: [[/^stat/, answer]] }, message),
  );
});

describe('console', () => {
  it('passes', async () => expect(await consoleLog.run(guestUnderTest())).toMatch(/^3 lines, with a login/));
  it('passes without a prompt when the kernel is there', async () => {
    const console = '[    0.000000] Linux version 6.1.0\r\n';
    expect(await consoleLog.run(guestUnderTest({ console }))).toBe('1 lines, without a login prompt');
  });

  it('passes with a quiet kernel, and fails where it writes to a screen alone', async () => {
    const console = 'guest login: ';
    const active = (text: string) => ({ console, answers: [[/console\/active$/, text]] as const });
    expect(await consoleLog.run(guestUnderTest(active('tty0 ttyS0\n')))).toBe('1 lines, with a login prompt');
    await expectFailure(
      consoleLog,
      active('tty0\n'),
      /the kernel writes to tty0, and so not to the console log/,
    );
  });

  it.each([
    ['an empty log', ' \r\n\u001b[2J\r\n', /is empty/],
    ['the boot loader alone', 'GNU GRUB  version 2.06\r\n', /ends with the boot loader/],
  ])('fails for %s', (_what, console, message) => expectFailure(consoleLog, { console }, message));
});
