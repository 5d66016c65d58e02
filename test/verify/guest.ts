import { createHash } from 'node:crypto';
import type { Machine, SshResult } from '../../src/boot/types.ts';
import type { GuestUnderTest } from '../../src/verify/types.ts';

const GIB = 1024 ** 3;
export const NONCE = 'c0ffee';
export const RESOLVER = '10.70.83.53';
export const CONSOLE =
  '[    0.000000] Linux version 6.1.0\r\n\r\nDebian GNU/Linux 12 host ttyS0\r\n\r\nhost login: ';

/** What a good guest answers; a pattern of a command, and its answer. */
const GOOD: readonly (readonly [RegExp, string])[] = [
  [/^true$/, ''],
  [/^id -un$/, 'debian\n'],
  [/^sudo -n true$/, ''],
  [/^cloud-init status/, '.....\nstatus: done\n'],
  [/user-data$/, `${NONCE}`],
  [/user-data\.sha256$/, `${createHash('sha256').update(NONCE).digest('hex')}  /run/x\n`],
  [/getent ahosts/, ''],
  [/resolv\.conf$/, 'nameserver 127.0.0.53\n'],
  [/getent shadow root$/, 'root:*:20778:0:99999:7:::\n'],
  [/^stat -f/, `${Math.floor((3.9 * GIB) / 4096)} 4096\n`],
];

export interface Behaviour {
  /** Answers that come before the good ones; a number is a status without output. */
  readonly answers?: readonly (readonly [RegExp, string | number | Error])[];
  readonly status?: string;
  readonly console?: string;
  readonly asked?: readonly string[];
  readonly address?: { host: string; port: number };
  readonly poweredOn?: Date;
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
    console: async () => behaviour.console ?? CONSOLE,
    screen: async () => Buffer.from('picture'),
    waitForConsole: async () => {},
    ssh: async command => {
      commands.push(command);
      return answer(command, [...(behaviour.answers ?? []), ...GOOD]);
    },
    network: {
      resolver: RESOLVER,
      unanswered: 'unanswered.example.net',
      queriesFor: () => behaviour.asked ?? [RESOLVER],
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
  return { machine, userName: 'debian', imageSize: GIB, diskSize: 4 * GIB, nonce: NONCE, cloudInit };
}
