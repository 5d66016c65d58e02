import { createHash } from 'node:crypto';
import type { Life } from '../../src/boot/life-signs.ts';
import type { Hardware, Machine, SshResult, Told } from '../../src/boot/types.ts';
import { createContext } from '../../src/host/context.ts';
import { CheckError } from '../../src/host/errors.ts';
import { NO_LOGINS } from '../../src/image/logins.ts';
import type { BundleUnderTest } from '../../src/verify/offline/types.ts';
import type { GuestUnderTest } from '../../src/verify/types.ts';

const GIB = 1024 ** 3;
export const NONCE = 'c0ffee';
const HOST = '10.70.83.2';
export const RESOLVER = '10.70.83.53';
export const CONSOLE =
  '[    0.000000] Linux version 6.1.0\r\n\r\nDebian GNU/Linux 12 host ttyS0\r\n\r\nhost login: ';

const SOCKETS = `udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*
udp UNCONN 0 0 10.70.83.100%enp0s5:68 0.0.0.0:*
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
tcp LISTEN 0 128 [::]:22 [::]:*
tcp LISTEN 0 128 [::1]:631 [::]:*
`;

/** What a good guest answers; a pattern of a command, and its answer. */
const GOOD: readonly (readonly [RegExp, string])[] = [
  [/^true$/, ''],
  [/^id -un; sudo -n true/, 'debian\n0\n'],
  [/^cloud-init status/, '.....\nstatus: done\n'],
  [/user-data$/, `${NONCE}`],
  [/user-data\.sha256$/, `${createHash('sha256').update(NONCE).digest('hex')}  /run/x\n`],
  [/getent ahosts/, ''],
  [/user-data$|vendor-data$/, NONCE],
  [/^mktemp|^d=\$\(mktemp/, ''],
  [/status\.json$/, '{"v1": {"datasource": "NoCloud", "init": {"errors": []}, "stage": null}}'],
  [/list-units --state=failed/, ''],
  [/firmware\/efi \]/, 'BIOS\n'],
  [/^dmesg$/, '[    0.000000] Linux version 6.1.0\n[    1.2] GPT: Use GNU Parted to correct GPT errors.\n'],
  [/^hostname$/, 'guest-1a2b\n'],
  [
    /^ip -4 -o addr/,
    '2: enp0s5    inet 10.70.83.100/24 metric 1024 brd 10.70.83.255 scope global dynamic enp0s5\n',
  ],
  [/^ip -4 route/, 'default via 10.70.83.2 dev enp0s5 proto dhcp src 10.70.83.100 metric 1024\n'],
  [/^systemctl show/, ''],
  [/--state=active/, 'systemd-timesyncd.service loaded active running Network Time\n'],
  [/NTPSynchronized/, 'set\n'],
  [/^ss /, SOCKETS],
  [/getent shadow$/, 'root:*:20778:0:99999:7:::\ndebian:!:20778::::::\nsshd:!*:20778::::::\n'],
  [
    /getent passwd$/,
    'root:x:0:0:root:/root:/bin/bash\nsync:x:4:65534::/bin:/bin/sync\ndebian:x:1000:1000::/home/debian:/bin/bash\nsshd:x:100:65534::/run:/usr/sbin/nologin\n',
  ],
  [/authorized_keys/, '/home/debian/.ssh/authorized_keys:ssh-ed25519 AAAAOURS image-factory\n'],
  [/^findmnt/, 'rw,relatime,discard\n0\n'],
  [/fstrim/, ''],
  [/resolv\.conf$/, 'nameserver 127.0.0.53\n'],
  [/getent shadow root$/, 'root:*:20778:0:99999:7:::\n'],
  [/^stat -f/, `${Math.floor((3.9 * GIB) / 4096)} 4096\n`],
];

export interface Behaviour {
  /** Answers that come before the good ones; a number is a status without output. */
  readonly answers?: readonly (readonly [RegExp, string | number | Error])[];
  readonly status?: string;
  readonly console?: string;
  readonly life?: () => Life;
  readonly asked?: readonly string[];
  readonly address?: { host: string; port: number };
  readonly poweredOn?: Date;
  readonly timesTold?: number;
  /** null: the machine does not say what it told. */
  readonly told?: Partial<Told> | null;
  /** What the disk has seen discarded, each time it is asked. */
  readonly discarded?: number[];
  readonly root?: SshResult;
  readonly keyless?: SshResult;
}

export const TOLD: Told = {
  ...{ hostName: 'guest-1a2b', publicKey: 'ssh-ed25519 AAAAOURS image-factory' },
  ...{ address: '10.70.83.100', router: '10.70.83.2' },
};

export function refused(methods: string): SshResult {
  return { status: 255, stdout: '', stderr: `debian@127.0.0.1: Permission denied (${methods}).\n` };
}

function hardware(discarded: number[]): Hardware {
  return {
    powerButton: async () => {},
    enlarge: async () => {},
    discarded: async () => discarded.shift() ?? 0,
  };
}

/** What a check asks as root, without what makes it root. */
export function unwrapped(line: string): string {
  const command = /^sudo -n sh -c '([\s\S]*)'$/.exec(line)?.[1];
  return command?.replaceAll("'\\''", "'") ?? line;
}

/** A machine with a guest that is good in everything but what a test says. */
export function fakeMachine(behaviour: Behaviour = {}): Machine & { closed: number; commands: string[] } {
  const commands: string[] = [];
  return {
    kind: 'qemu',
    accelerator: 'tcg',
    poweredOn: behaviour.poweredOn ?? new Date(0),
    address: behaviour.address ?? { host: '127.0.0.1', port: 1 },
    diskSize: 4 * GIB,
    closed: 0,
    commands,
    status: async () => behaviour.status ?? 'running',
    ...(behaviour.life && { life: behaviour.life }),
    console: async () => behaviour.console ?? CONSOLE,
    screen: async () => Buffer.from('picture'),
    async waitForConsole(pattern, _deadline, phase) {
      const lines = (await this.console()).split('\r\n');
      if (!lines.some(line => pattern.test(line))) throw new CheckError(`${phase} was not reached in time`);
    },
    ...(behaviour.told === null ? {} : { told: { ...TOLD, ...behaviour.told } }),
    ...(behaviour.discarded && { hardware: hardware(behaviour.discarded) }),
    ssh: async (line, options = {}) => {
      const command = unwrapped(line);
      commands.push(command);
      if (options.user === 'root') return behaviour.root ?? refused('publickey');
      if (options.keyless) return behaviour.keyless ?? refused('publickey');
      return answer(command, [...(behaviour.answers ?? []), ...GOOD]);
    },
    network: {
      resolver: RESOLVER,
      unresolved: 'unresolved.example.net',
      queriesFor: () => behaviour.asked ?? [RESOLVER],
      timesTold: () => behaviour.timesTold ?? 1,
      open: () => ({ address: HOST, shut: () => {} }),
    },
    async close() {
      this.closed += 1;
    },
  };
}

function answer(
  command: string,
  answers: readonly (readonly [RegExp, string | number | Error])[],
): SshResult {
  const found = answers.find(([pattern]) => pattern.test(command));
  if (found === undefined) throw new Error(`no answer for ${command}`);
  const [, reply] = found;
  if (reply instanceof Error) throw reply;
  if (typeof reply === 'number') return { status: reply, stdout: '', stderr: 'it went wrong\n' };
  return { status: 0, stdout: reply, stderr: '' };
}

export function guestUnderTest(
  behaviour: Behaviour = {},
  cloudInit: GuestUnderTest['cloudInit'] = { status: 'done', detail: 'status: done' },
): GuestUnderTest {
  const machine = fakeMachine(behaviour);
  const facts = { userName: 'debian', imageSize: GIB, diskSize: 4 * GIB, nonce: NONCE, cloudInit };
  const context = createContext({ sleep: async () => {} });
  return {
    context,
    budget: 60_000,
    bootSeconds: 20,
    machine,
    ...facts,
    logins: NO_LOGINS,
    allow: {},
    bundle: {} as BundleUnderTest,
  };
}
