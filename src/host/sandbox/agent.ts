/**
 * The root side of the sandbox: PID 1 of its own PID namespace, in its own mount, IPC, UTS and cgroup
 * namespaces, started by sandbox.ts through `unshare` (and `sudo -n`). It has no dependencies and is bundled
 * on its own. When its standard input ends, the caller is gone: it exits, and the kernel ends every process
 * and mount of the namespace with it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import {
  type Answer,
  type EnterRequest,
  type Numbered,
  type RunRequest,
  UID_BASE,
  UID_COUNT,
} from './protocol.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NETWORK = '/run/image-factory-net';

/** Metadata services of clouds: credentials of the build host may be had there. */
const METADATA = ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'];

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

/** When memory runs out, the kernel takes the sandbox before what else runs on the host. */
const OOM_SCORE = '500';

function answer(message: Answer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function tool(...argv: string[]): Promise<void> {
  const child = start(argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr?.on('data', chunk => {
    text += chunk;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${text.trim() || `status ${status}`}`);
}

function start(argv: readonly string[], options: Parameters<typeof spawn>[2]): ChildProcess {
  const [program = '', ...rest] = argv;
  return spawn(program, rest, { env: { PATH, LC_ALL: 'C.UTF-8' }, cwd: '/', ...options });
}

async function enter(request: EnterRequest): Promise<void> {
  const root = request.mountPoint;
  if (request.files !== undefined) files = fs.openSync(request.files, fs.constants.O_DIRECTORY);
  fs.writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
  await tool('mount', '--make-rprivate', '/');
  fs.writeFileSync('/proc/sys/kernel/hostname', 'localhost');
  await tool('mount', '--bind', request.tools, root);
  for (const target of ['/tmp', '/run', '/dev'])
    await memory(`${root}${target}`, '512m', target === '/tmp' ? '1777' : '755');
  await tool('mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', `${root}/proc`);
  await tool('mount', '-t', 'sysfs', '-o', 'ro,nosuid,nodev,noexec', 'sysfs', `${root}/sys`);
  await devices(`${root}/dev`);
  for (const { target, bytes } of request.memory) await memory(root + target, String(bytes), '755');
  for (const bind of request.binds) await bindInto(root, bind);
  await tool('mount', '-o', 'remount,bind,ro', root);
  process.chdir(root);
  await tool('pivot_root', root, `${root}/mnt`);
  process.chdir('/');
  await tool('umount', '-l', '/mnt');
  await network(request.network);
}

async function memory(target: string, size: string, mode: string): Promise<void> {
  const options = `size=${size},mode=${mode},uid=${UID_BASE},gid=${UID_BASE}`;
  await tool('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', target);
}

async function bindInto(root: string, bind: EnterRequest['binds'][number]): Promise<void> {
  const target = root + bind.target;
  await tool('mount', '--bind', bind.source, target);
  if (!bind.writable) await tool('mount', '-o', 'remount,bind,ro', target);
}

/** A private, minimal /dev: no disk, no loop, no kvm. */
async function devices(dev: string): Promise<void> {
  for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
    fs.writeFileSync(`${dev}/${name}`, '');
    await tool('mount', '--bind', `/dev/${name}`, `${dev}/${name}`);
  }
  for (const name of ['pts', 'shm', 'net']) fs.mkdirSync(`${dev}/${name}`);
  await tool('mount', '-t', 'devpts', '-o', 'newinstance,ptmxmode=0666,mode=620', 'devpts', `${dev}/pts`);
  await memory(`${dev}/shm`, '64m', '1777');
  for (const [name, to] of [
    ['ptmx', 'pts/ptmx'],
    ['fd', '/proc/self/fd'],
    ['stdin', 'fd/0'],
    ['stdout', 'fd/1'],
    ['stderr', 'fd/2'],
  ] as const) {
    fs.symlinkSync(to, `${dev}/${name}`);
  }
  fs.writeFileSync(`${dev}/net/tun`, '');
  await tool('mount', '--bind', '/dev/net/tun', `${dev}/net/tun`);
}

/**
 * A network of its own: user-mode NAT outward, no way to the host's loopback or to a metadata service. It
 * belongs to the agent's user namespace, so that root in the payload cannot change its routes.
 */
async function network(outward: boolean): Promise<void> {
  fs.writeFileSync(NETWORK, '');
  await tool('unshare', `--net=${NETWORK}`, 'true');
  await tool('nsenter', `--net=${NETWORK}`, 'ip', 'link', 'set', 'lo', 'up');
  if (outward) {
    await startSlirp();
    for (const range of METADATA)
      await tool('nsenter', `--net=${NETWORK}`, 'ip', 'route', 'add', 'prohibit', range);
  }
  await tool('umount', '-l', '/dev/net/tun');
}

async function startSlirp(): Promise<void> {
  const argv = ['slirp4netns', '--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=3'];
  const child = start([...argv, '--netns-type=path', NETWORK, 'tap0'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stderr?.on('data', chunk => {
    text = (text + chunk).slice(-2000);
  });
  const ready = child.stdio[3];
  if (!ready) throw new Error('slirp4netns has no ready pipe');
  await Promise.race([
    once(ready, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`slirp4netns ended: ${text.trim()}`))),
  ]);
}

const LIMITED = ['setpriv', `--bounding-set=${DROPPED.map(name => `-${name}`).join(',')}`, '--'];

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
    ...['nsenter', `--net=${NETWORK}`, '--'],
    ...(limits().length === 0 ? [] : ['prlimit', ...limits()]),
    ...['unshare', '--user', `--map-users=${map}`, `--map-groups=${map}`, '--setuid=0', '--setgid=0'],
    ...[...namespaces, '--', ...LIMITED, ...argv],
  ];
}

/** PID 1 of a room: bash, since it takes in the orphans that come to it. */
const KEEPER = ['bash', '-c', 'echo ready; while :; do sleep 3600 & wait $!; done'];

let room: { readonly child: ChildProcess; readonly pid: number } | undefined;

async function openRoom(): Promise<void> {
  if (room !== undefined) throw new Error('a room is open already');
  const child = start(payload(KEEPER), { stdio: ['ignore', 'pipe', 'inherit'] });
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

async function closeRoom(): Promise<void> {
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
    'nsenter',
    `--target=${room.pid}`,
    ...namespaces,
    '--setuid=0',
    '--setgid=0',
    '--',
    ...LIMITED,
    ...argv,
  ];
}

/** The open directory of the caller's files, held beyond the change of root; programs do not inherit it. */
let files: number | undefined;

/** A file of the caller: never made here, so that it stays his, and never reached through a link. */
function openFile(name: string, flags: number): number {
  if (files === undefined || name.includes('/')) throw new Error(`${name} is no file of the caller`);
  return fs.openSync(`/proc/self/fd/${files}/${name}`, flags | fs.constants.O_NOFOLLOW);
}

function words(request: RunRequest): readonly string[] {
  if (request.as === 'supervisor') return request.argv;
  return request.as === 'room' ? inRoom(request.argv) : payload(request.argv);
}

async function runChild(id: number, request: RunRequest): Promise<void> {
  const { from, to } = request;
  const input = from === undefined ? undefined : openFile(from, fs.constants.O_RDONLY);
  const output = to === undefined ? undefined : openFile(to, fs.constants.O_WRONLY);
  const child = start(words(request), {
    env: { ...request.env },
    cwd: request.cwd,
    stdio: [input ?? (request.input === undefined ? 'ignore' : 'pipe'), output ?? 'pipe', 'pipe'],
  });
  for (const each of [input, output]) if (each !== undefined) fs.closeSync(each);
  child.stdin?.on('error', () => {});
  child.stdin?.end(request.input);
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', text => answer({ id, stream, text }));
  }
  const [status, signal] = await once(child, 'close');
  answer({ id, status: typeof status === 'number' ? status : signal === 'SIGKILL' ? 137 : 128 });
}

/** Calls `act` for path and everything below it, never through a symbolic link. */
function everywhere(path: string, act: (path: string, stat: fs.Stats) => void): void {
  const stat = fs.lstatSync(path);
  if (stat.isDirectory()) for (const name of fs.readdirSync(path)) everywhere(`${path}/${name}`, act);
  act(path, stat);
}

function shift(path: string, by: number): void {
  everywhere(path, (each, stat) => {
    if (stat.uid >= by) return;
    // This clears the set-user-ID bits, as it must: newuidmap has to stay the root who calls it.
    fs.lchownSync(each, stat.uid + by, stat.gid + by);
  });
}

function perform(request: Exclude<Numbered, { op: 'run' }>): Promise<void> | void {
  switch (request.op) {
    case 'enter':
      return enter(request);
    case 'open-room':
      return openRoom();
    case 'close-room':
      return closeRoom();
    case 'shift':
      return shift(request.path, request.by);
    case 'give':
      return everywhere(request.path, path => fs.lchownSync(path, request.uid, request.gid));
    case 'write':
      return fs.writeFileSync(request.path, request.text, { mode: request.mode });
    case 'rename':
      return fs.renameSync(request.from, request.to);
    case 'remove':
      return fs.rmSync(request.path, { recursive: true, force: true });
  }
}

async function serve(request: Numbered): Promise<void> {
  try {
    if (request.op === 'run') return await runChild(request.id, request);
    await perform(request);
    answer({ id: request.id, status: 0 });
  } catch (error) {
    answer({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
}

process.stdout.on('error', () => process.exit(0));
process.umask(0o022);
const lines = createInterface({ input: process.stdin });
lines.on('line', line => void serve(JSON.parse(line) as Numbered));
lines.on('close', () => process.exit(0));
