import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { Writable } from 'node:stream';
import { NETWORK } from './agent-place.ts';
import { PATH, start } from './agent-programs.ts';
import { type RunRequest, UID_BASE, UID_COUNT } from './protocol.ts';

/** Capabilities the user namespace would void anyway; dropped so that no later kernel gives them a meaning. */
const DROPPED = [
  'mknod',
  'sys_module',
  'sys_rawio',
  'sys_boot',
  'sys_time',
  'syslog',
  'mac_admin',
  'mac_override',
  'bpf',
];

/**
 * Hard limits of the payload. Processes: a fork bomb ends in errors, not in a dead host. Core files: 1 is the one
 * value at which the kernel does not feed a dump to the host's own handler, which runs as the host's root.
 */
const LIMITS = ['--nproc=4096:4096', '--core=1:1'];

let settable: readonly string[] | undefined;

/** sudo leaves a lower limit on core files, which root without CAP_SYS_RESOURCE cannot raise: then that one stands. */
function limits(): readonly string[] {
  settable ??= LIMITS.filter(limit => spawnSync('prlimit', [limit, 'true'], { env: { PATH } }).status === 0);
  return settable;
}

/** Number of keyctl(2); undefined: of an architecture that nothing is built on. */
const KEYCTL = { x64: 250, arm64: 219 }[process.arch as string];

/**
 * Programs inherit the keyring of their caller's session, and with it his keys: these get a new, empty one. A kernel
 * that knows no keys (ENOSYS), or a filter that allows none (EPERM), keeps them from the payload too.
 */
const OWN_KEYS = `syscall(${KEYCTL}, 1, 0) >= 0 or $! == 1 or $! == 38 or die "no keyring: $!\\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n"`;

/**
 * The environment comes by descriptor 3, and only to what is powerless already: what the loader or an interpreter
 * takes from it (LD_PRELOAD, PERL5OPT) must not reach the programs that make it so.
 */
const OWN_ENVIRONMENT = `open(my $given, "<&=", 3) or die "no environment: $!\\n";
local $/; %ENV = map { split(/=/, $_, 2) } split(/\\0/, <$given>); close $given;
exec { $ARGV[0] } @ARGV or warn "$ARGV[0]: $!\\n"; exit 127`;

const LIMITED = [
  ...['setpriv', `--bounding-set=${DROPPED.map(name => `-${name}`).join(',')}`, '--'],
  ...['perl', '-e', OWN_ENVIRONMENT],
];

function payload(argv: readonly string[]): string[] {
  const map = `0:${UID_BASE}:${UID_COUNT}`;
  const namespaces = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
    '--ipc',
    '--uts',
    '--cgroup',
  ];
  return [
    ...['perl', '-e', OWN_KEYS, 'nsenter', `--net=${NETWORK}`, '--'],
    ...(limits().length === 0 ? [] : ['prlimit', ...limits()]),
    ...['unshare', '--user', `--map-users=${map}`, `--map-groups=${map}`, '--setuid=0', '--setgid=0'],
    ...[...namespaces, '--', ...LIMITED, ...argv],
  ];
}

/** PID 1 of a room: bash, since it takes in the orphans that come to it. */
const KEEPER = ['bash', '-c', 'echo ready; while :; do sleep 3600 & wait $!; done'];

let room: { readonly child: ChildProcess; readonly pid: number } | undefined;

/** Namespaces in which several programs run one after the other. */
export async function openRoom(): Promise<void> {
  if (room !== undefined) throw new Error('a room is open already');
  const child = startPowerless(payload(KEEPER), { PATH }, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child;
  if (!stdout) throw new Error('unreachable');
  await Promise.race([
    once(stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the room did not open'))),
  ]);
  // What we started waits for the one process it forked, which is PID 1 of the room.
  const forked = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  room = { child, pid: Number(forked) };
}

export async function closeRoom(): Promise<void> {
  if (room === undefined) return;
  const { child, pid } = room;
  room = undefined;
  // Its PID 1 itself: the signal at the death of the one that forked it was lost with the change of user.
  process.kill(pid, 'SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

function inRoom(argv: readonly string[]): string[] {
  if (room === undefined) throw new Error('no room is open');
  const namespaces = ['--user', '--mount', '--pid', '--net', '--ipc', '--uts', '--cgroup'];
  return [
    ...['perl', '-e', OWN_KEYS, 'nsenter'],
    `--target=${room.pid}`,
    ...namespaces,
    '--setuid=0',
    '--setgid=0',
    '--',
    ...LIMITED,
    ...argv,
  ];
}

interface StartOptions {
  readonly cwd?: string;
  readonly stdio: readonly ('ignore' | 'pipe' | 'inherit' | number)[];
}

function startPowerless(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { stdio, ...options }: StartOptions,
): ChildProcess {
  const child = start(argv, { ...options, stdio: [...stdio, 'pipe'] });
  const given = child.stdio[3] as Writable | null;
  // One that ends before it has read tells why by its status.
  given?.on('error', () => {});
  given?.end(
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .join('\0'),
  );
  return child;
}

/** Starts what a request asks for, with all that makes it as powerless as it has to be. */
export function startRequested(request: RunRequest, stdio: StartOptions['stdio']): ChildProcess {
  const { as, argv, env, cwd } = request;
  if (as === 'supervisor') return start(argv, { env: { ...env }, cwd, stdio: [...stdio] });
  return startPowerless(as === 'room' ? inRoom(argv) : payload(argv), env, { cwd, stdio });
}
