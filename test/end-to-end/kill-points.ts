import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { run } from '../../src/host/process.ts';
import { toolsKey } from '../../src/host/sandbox/tools-tree.ts';
import { leftovers, type Process, type Scene, sceneOf } from './leftovers.ts';
import { addOrdinaryUser, copyCheckout, type OrdinaryUser } from './ordinary-user.ts';
import { ownTools } from './workshop.ts';

const MINUTE = 60_000;

/** Who runs the program: root, or an ordinary user through sudo. */
export type Caller = 'root' | 'user';

export interface Killed {
  /** Exit status of the program; 137 when it was the victim. */
  readonly status: number;
  readonly output: string;
  readonly scene: Scene;
  /** Milliseconds from the kill to the program's end. */
  readonly took: number;
}

/** A checkout, an account and a cache of its own, in which programs are killed. */
export class KillingGround {
  readonly place: string;
  /** Belongs to the ordinary user. */
  readonly work: string;
  readonly #user: OrdinaryUser;

  private constructor(place: string, user: OrdinaryUser) {
    this.place = place;
    this.work = join(place, 'work');
    this.#user = user;
  }

  static async open(): Promise<KillingGround> {
    const tools = await ownTools('engine');
    const place = await mkdtemp('/var/tmp/image-factory-kill-');
    await copyCheckout(place);
    const ground = new KillingGround(place, await addOrdinaryUser(place));
    const cache = join(places(createContext({ env: ground.#environment('user') })).cache, 'tools');
    await run(['mkdir', '-p', cache]);
    await run(['cp', '-a', '--link', '--', tools, join(cache, toolsKey('engine').slice(0, 16))]);
    const { uid, gid } = await stat(ground.work);
    for (const folder of [cache, dirname(cache), dirname(dirname(cache))]) await chown(folder, uid, gid);
    return ground;
  }

  async close(): Promise<void> {
    await this.#user.remove();
    await rm(this.place, { recursive: true, force: true });
  }

  /** A folder that belongs to whoever will call. */
  async folderFor(caller: Caller, name: string): Promise<string> {
    const folder = join(this.work, `${name}-${caller}`);
    await mkdir(folder, { recursive: true });
    const { uid, gid } = await stat(this.work);
    // Files may be links to shared ones; those stay whose they are.
    if (caller === 'user')
      await run(['find', folder, '-type', 'd', '-exec', 'chown', `${uid}:${gid}`, '{}', '+']);
    return folder;
  }

  start(caller: Caller, words: readonly string[]): ChildProcess {
    const command = [join(this.place, 'node'), join(this.place, 'dist/cli.js'), ...words];
    const [program = '', ...rest] = caller === 'user' ? [...this.#user.identity, ...command] : command;
    return spawn(program, rest, {
      env: this.#environment(caller),
      cwd: this.work,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /**
   * Starts the program, kills the victim once it runs, and waits for the program's end.
   * @param at who else must run by then, or what must have been said
   */
  async kill(
    caller: Caller,
    words: readonly string[],
    victim: string,
    at: string | RegExp = victim,
  ): Promise<Killed> {
    const child = this.start(caller, words);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk));
    const ended = once(child, 'close') as Promise<[number | null]>;
    const scene = await this.#sceneWith(child, [victim, at], () => output);
    const before = Date.now();
    const chosen = scene.members.find(each => roleOf(each) === victim);
    await run(['kill', '-KILL', String(chosen?.pid)], { accept: [0, 1] });
    const [code] = await withDeadline(
      ended,
      2 * MINUTE,
      () => `it does not end without ${victim}:\n${output}`,
    );
    return { status: code ?? 137, output, scene, took: Date.now() - before };
  }

  /** The program to its own end. */
  async run(caller: Caller, words: readonly string[]): Promise<{ status: number; output: string }> {
    const child = this.start(caller, words);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { status: code ?? 137, output };
  }

  leftovers(scene: Scene): Promise<string[]> {
    return leftovers(this.place, scene);
  }

  async #sceneWith(
    child: ChildProcess,
    conditions: readonly (string | RegExp)[],
    said: () => string,
  ): Promise<Scene> {
    const deadline = Date.now() + 5 * MINUTE;
    for (;;) {
      const scene = await sceneOf(child.pid ?? 0, this.place);
      const running = scene.members.map(roleOf);
      const met = (each: string | RegExp) =>
        typeof each === 'string' ? running.includes(each) : each.test(said());
      if (conditions.every(met)) return scene;
      if (child.exitCode !== null) throw new Error(`ended before ${conditions} ran:\n${said()}`);
      if (Date.now() > deadline) throw new Error(`${conditions} never ran:\n${said()}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  #environment(caller: Caller): Record<string, string> {
    const home = caller === 'user' ? { HOME: this.place } : { HOME: process.env.HOME ?? '/root' };
    return { PATH: process.env.PATH ?? '', ...home, XDG_STATE_HOME: join(this.work, `state-${caller}`) };
  }
}

/** The name by which a process is known in the tests: of its program, of its script, or its part in ours. */
export function roleOf({ argv, state }: Process): string {
  if (state === 'Z') return '';
  const [program = '', script = ''] = argv.map(word => basename(word));
  if (program === 'node') return script === 'sandbox-agent.js' ? 'agent' : 'image-factory';
  if (['perl', 'sh', 'bash', 'dash'].includes(program) && /^[a-z]/.test(script)) return script;
  return program;
}

async function withDeadline<T>(
  promise: Promise<T>,
  milliseconds: number,
  complaint: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
