import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { alive, leftovers, type Process, sceneOf } from './leftovers.ts';
import { addOrdinaryUser, copyCheckout, type OrdinaryUser } from './ordinary-user.ts';
import { ownTools } from './workshop.ts';

/** How each member of the chain that ends in the namespace is recognised. */
const VICTIMS: Record<string, (each: Process, top: number) => boolean> = {
  'our process': (each, top) => each.pid === top,
  sudo: each => each.argv[0] === 'sudo',
  unshare: each => each.argv[0] === 'unshare' && each.argv.includes('--propagation=private'),
  'the agent': each => /\/node$/.test(each.argv[0] ?? '') && /sandbox-agent/.test(each.argv[1] ?? ''),
};

describe('a sandbox whose chain is broken by SIGKILL', () => {
  const isRoot = process.getuid?.() === 0;
  let place = '';
  let tools = '';
  let user: OrdinaryUser | undefined;

  beforeAll(async () => {
    tools = await ownTools('engine');
    place = await mkdtemp('/var/tmp/image-factory-death-');
    await copyCheckout(place);
    user = isRoot ? await addOrdinaryUser(place) : undefined;
  });

  afterAll(async () => {
    await user?.remove();
    await rm(place, { recursive: true, force: true });
  });

  /** Resolves when the payload runs; the mark tells its processes from all others. */
  async function start(asUser: boolean): Promise<{ child: ChildProcess; output: () => string }> {
    const script = join(place, 'test/end-to-end/sandbox.child.ts');
    const mark = `${600 + Math.floor(Math.random() * 1000)}.${process.pid}`;
    const words = [join(place, 'node'), script, tools, join(place, 'work'), mark];
    const [program = '', ...rest] = [...(asUser ? (user?.identity ?? []) : []), ...words];
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
    const { child, output } = await start(asUser);
    const closed = once(child, 'close');
    const scene = await sceneOf(child.pid ?? 0, place);
    try {
      expect(scene.members.filter(each => each.argv[0] === 'sleep')).toHaveLength(3);
      expect((await leftovers(place, scene)).join('\n')).toMatch(/^process.*^(?:net|mnt):\[\d+\] held/ms);
      const chosen = scene.members.filter(each => VICTIMS[victim]?.(each, child.pid ?? 0));
      expect(chosen.length).toBeGreaterThan(0);
      await kill(chosen);
      await expect.poll(() => leftovers(place, scene), { timeout: 5000, interval: 50 }).toEqual([]);
    } finally {
      await kill(await alive(scene.members));
      await closed;
    }
    if (victim !== 'our process') expect(output()).toMatch(/the sandbox ended/);
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
