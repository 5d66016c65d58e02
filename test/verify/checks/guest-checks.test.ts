import { describe, expect, it } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { CHECKS } from '../../../src/verify/checks/index.ts';
import { type GuestCheck, type GuestUnderTest, NotApplicable } from '../../../src/verify/types.ts';
import { type Behaviour, guestUnderTest, refused } from '../guest.ts';

function named(name: string): GuestCheck {
  const check = CHECKS.find(each => each.name === name);
  if (check?.kind !== 'guest') throw new Error(`no guest check ${name}`);
  return check;
}

const OURS = 'ssh-ed25519 AAAAOURS image-factory';
const MIB = 1024 ** 2;
const status = (errors: string[], recoverable = {}) =>
  JSON.stringify({ v1: { init: { errors, recoverable_errors: recoverable }, stage: null } });

describe('a good guest passes', () => {
  it.each<[string, Behaviour, RegExp]>([
    ['login-prompt', {}, /^the console shows "host login:"$/],
    ['cloud-init', {}, /^cloud-init is done, no stage complains$/],
    ['cloud-init', { answers: [[/status\.json/, status([], { DEPRECATED: ['an old key'] })]] }, /no stage/],
    ['units', {}, /no unit has failed/],
    ['kernel-log', {}, /^2 lines, none of which matters$/],
    [
      'kernel-log',
      { answers: [[/dmesg/, '[ 60.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n[ 61] x\n']] },
      /^1 lines/,
    ],
    ['accounts', {}, /^4 accounts, of which root and debian have a shell$/],
    ['passwords', {}, /^3 accounts, no password/],
    ['password-login', {}, /without a key sshd offers publickey only/],
    ['root-login', {}, /root is turned away: .*Permission denied/],
    [
      'root-login',
      { root: { status: 142, stdout: 'Please login as the user "debian"\n', stderr: '' } },
      /turned away: Please login/,
    ],
    ['authorized-keys', {}, /^1 lines of keys/],
    [
      'authorized-keys',
      {
        answers: [
          [
            /authorized_keys/,
            `/root/.ssh/authorized_keys:# a note\n/root/.ssh/authorized_keys:no-pty,command="echo 'x y'" ${OURS}\n`,
          ],
        ],
      },
      /^1 lines/,
    ],
    ['root-filesystem', {}, /^mounted rw,relatime,discard, no error/],
    ['discard', { discarded: [5, 5 + 20 * MIB] }, /after 16 MiB were deleted, 20 MiB came back/],
    ['dhcp', {}, /^enp0s5 has 10\.70\.83\.100, from DHCP$/],
    ['route', {}, /^default route via 10\.70\.83\.2$/],
    ['time', {}, /^systemd-timesyncd set the clock, by a server of its network$/],
    ['listening', {}, /^listening on tcp\/22, udp\/68$/],
    ['host-name', {}, /^its name is guest-1a2b$/],
    ['vendor-data', {}, /was carried out/],
  ])('%s %#', async (name, behaviour, seen) => {
    expect(await named(name).run(guestUnderTest(behaviour))).toMatch(seen);
  });
});

describe('a bad guest fails', () => {
  const answered = (pattern: RegExp, text: string): Behaviour => ({ answers: [[pattern, text]] });
  it.each<[string, string, Behaviour, RegExp]>([
    [
      'login-prompt',
      'no getty',
      { console: '[ 1.0] Linux version 6\n' },
      /^the login prompt was not reached in time$/,
    ],
    [
      'login-prompt',
      'a machine that is gone',
      { console: '[ 1.0] Linux version 6\n', status: 'ended: QEMU ended with SIGKILL' },
      /^the machine ended: QEMU ended with SIGKILL; it stopped in phase kernel/,
    ],
    [
      'cloud-init',
      'a stage with an error',
      answered(/status\.json/, status(['no key'])),
      /^cloud-init complains: init: no key$/,
    ],
    [
      'cloud-init',
      'a warning that it got over',
      answered(/status\.json/, status([], { WARNING: ['no user'] })),
      /init: no user/,
    ],
    ['cloud-init', 'a report that is none', answered(/status\.json/, 'no json'), /cannot be read/],
    [
      'units',
      'a failed unit',
      answered(/failed/, 'a.service loaded failed failed A\n'),
      /^1 failed: a\.service$/,
    ],
    ...['Oops: 0000 [#1]', 'BUG: unable to handle', 'WARNING: CPU: 0 PID: 1 at x', 'Call Trace:'].map(
      (line): [string, string, Behaviour, RegExp] => [
        'kernel-log',
        line,
        answered(/dmesg/, `[ 1.0] fine\n[ 2.0] ${line}\n`),
        new RegExp(`^${line.replace(/[[\]#]/g, '\\$&')}: the kernel complains$`),
      ],
    ),
    ['kernel-log', 'an I/O error', answered(/dmesg/, '[ 2] I/O error, dev vda, sector 1\n'), /vda/],
    ['kernel-log', 'a killed program', answered(/dmesg/, '[ 2] x invoked oom-killer: gfp\n'), /oom/],
    [
      'accounts',
      'somebody with a shell',
      answered(/passwd/, 'a:x:1001:1:::/bin/sh\nroot:x:0:0:::/bin/sh\n'),
      /: a$/,
    ],
    ['accounts', 'a second root', answered(/passwd/, 'toor:x:0:0:::/usr/sbin/nologin\n'), /: toor$/],
    ['accounts', 'an account without a shell field', answered(/passwd/, 'b:x:7:7:::\n'), /: b$/],
    [
      'passwords',
      'an empty password',
      answered(/shadow/, 'root:*:1\ngames::1\n'),
      /empty password opens games$/,
    ],
    ['passwords', 'a password', answered(/shadow/, 'debian:$y$j9T$salt$hash:1\n'), /a password for debian$/],
    ['password-login', 'passwords', { keyless: refused('publickey,password') }, /takes passwords/],
    [
      'password-login',
      'dialogues',
      { keyless: refused('publickey,keyboard-interactive') },
      /takes passwords/,
    ],
    ['password-login', 'no door at all', { keyless: { status: 0, stdout: '', stderr: '' } }, /without a key/],
    ['password-login', 'nonsense', { keyless: { status: 255, stdout: '', stderr: 'reset' } }, /does not say/],
    [
      'root-login',
      'an sshd that was not reached',
      { root: { status: 255, stdout: '', stderr: 'Connection timed out during banner exchange\n' } },
      /does not say what it makes of root: Connection timed out/,
    ],
    ['root-login', 'an open root', { root: { status: 0, stdout: '0\n', stderr: '' } }, /opens root/],
    [
      'root-login',
      'a root that fails late',
      { root: { status: 1, stdout: '0\n', stderr: '' } },
      /opens root/,
    ],
    [
      'authorized-keys',
      'a strange key',
      answered(/authorized_keys/, `/home/a/.ssh/authorized_keys2:ssh-rsa AAAATHEIRS me\n/x:${OURS}\n`),
      /^keys that nobody handed over: \/home\/a\/\.ssh\/authorized_keys2$/,
    ],
    [
      'authorized-keys',
      'no key at all in a line',
      answered(/authorized_keys/, '/x:cert-authority\n'),
      /\/x$/,
    ],
    ['root-filesystem', 'a root that is read-only', answered(/findmnt/, 'ro,relatime\n0\n'), /mounted ro/],
    ['root-filesystem', 'errors', answered(/findmnt/, 'rw\n0\n2\n'), /saw 2 errors/],
    ['discard', 'a disk that hears nothing', { discarded: [5, 5] }, /of 16 MiB .* 0 MiB reached/],
    [
      'discard',
      'an fstrim that fails',
      { discarded: [0], answers: [[/fstrim/, 1]] },
      /fstrim ended with status 1/,
    ],
    ['dhcp', 'another address', { told: { address: '10.70.83.101' } }, /no interface has 10\.70\.83\.101/],
    [
      'dhcp',
      'an address of its own',
      answered(/addr/, '2: e    inet 10.70.83.100/24 scope global e\n'),
      /not from DHCP/,
    ],
    [
      'route',
      'another router',
      answered(/route/, 'default via 10.70.83.254 dev e\n'),
      /is not 10\.70\.83\.2/,
    ],
    ['route', 'none', answered(/route/, ''), /no default route/],
    ['time', 'nothing that keeps the time', answered(/--state=active/, ''), /nothing keeps the time/],
    ['time', 'a clock that nobody sets', answered(/NTPSynchronized/, ''), /timesyncd runs, and did not set/],
    [
      'listening',
      'a strange socket',
      answered(/^ss/, 'tcp LISTEN 0 9 *:80 *:*\n'),
      /^tcp\/80: something listens there$/,
    ],
    [
      'listening',
      'one on IPv6',
      answered(/^ss/, 'udp UNCONN 0 0 [::]:5353 [::]:*\n'),
      /^udp\/5353: something/,
    ],
    [
      'host-name',
      'another name',
      answered(/hostname/, 'localhost\n'),
      /its name is localhost, not guest-1a2b$/,
    ],
    ['vendor-data', 'nothing carried out', answered(/vendor-data/, ''), /does not hold/],
  ])('%s: %s', async (name, _what, behaviour, message) => {
    const failing = named(name).run(guestUnderTest(behaviour));
    await expect(failing).rejects.toThrow(CheckError);
    await expect(failing).rejects.toThrow(message);
  });
});

describe('what the factory file names', () => {
  const run = (name: string, behaviour: Behaviour, more: Partial<GuestUnderTest>) =>
    named(name).run({ ...guestUnderTest(behaviour), ...more });

  it('may listen', async () => {
    const answers = [[/^ss/, 'tcp LISTEN 0 9 *:443 *:*\n']] as const;
    expect(
      await run('listening', { answers }, { allow: { listening: { 'tcp/443': { reason: 'the console' } } } }),
    ).toMatch(/tcp\/443; allowed: the console$/);
  });

  it('may load a module that nobody has signed, and no other', async () => {
    const loads = (module: string) => ({
      answers: [[/dmesg/, `[   14.9] ${module}: module verification failed: signature missing\n`]] as const,
    });
    const allow = { 'kernel-log': { 'own: module verification failed*': { reason: 'of the vendor' } } };
    expect(await run('kernel-log', loads('own'), { allow })).toMatch(/; allowed: of the vendor$/);
    await expect(run('kernel-log', loads('other'), { allow })).rejects.toThrow(/^other: module verif/);
  });

  it('may have a key and a password, and the password only as it is', async () => {
    const logins = { name: 'debian', sshKeys: ['ssh-rsa AAAATHEIRS me'], passwordHash: '$y$hash' };
    const key = [[/authorized_keys/, '/home/debian/.ssh/authorized_keys:ssh-rsa AAAATHEIRS you\n']] as const;
    expect(await run('authorized-keys', { answers: key }, { logins })).toMatch(/^1 lines/);
    const shadow = (line: string) => run('passwords', { answers: [[/shadow/, line]] }, { logins });
    expect(await shadow('debian:$y$hash:1\n')).toMatch(/^1 accounts/);
    await expect(shadow('debian:$y$other:1\n')).rejects.toThrow(/a password for debian/);
    await expect(shadow('root:$y$hash:1\n')).rejects.toThrow(/a password for root/);
  });
});

it.each(['authorized-keys', 'dhcp', 'route', 'host-name', 'vendor-data', 'discard'])(
  '%s does not apply where the machine does not tell',
  async name => {
    await expect(named(name).run(guestUnderTest({ told: null }))).rejects.toThrow(NotApplicable);
  },
);

it('never tells a hash', async () => {
  const guest = guestUnderTest({ answers: [[/shadow/, 'debian:$y$j9T$secret:1\n']] });
  await expect(named('passwords').run(guest)).rejects.not.toThrow(/secret/);
});
