import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The command as a user starts it, from the committed dist/. */
export const PROGRAM = resolve('image-factory');

export interface Ended {
  readonly status: number;
  readonly output: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Everything said so far. */
  output(): string;
  /** Resolves when the output matches; rejects when the program ends before. */
  says(pattern: RegExp): Promise<void>;
}

/** Starts image-factory in its own session, so that a signal reaches it alone. */
export function start(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  const child = spawn(PROGRAM, words, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const watch of watchers) watch();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({
    // A program that ends by SIGINT is what a shell calls 130.
    status: typeof code === 'number' ? code : signal === 'SIGINT' ? 130 : 137,
    output,
  }));
  return {
    child,
    ended,
    output: () => output,
    says: pattern =>
      new Promise((found, failed) => {
        const watch = () => {
          if (!pattern.test(output)) return;
          watchers.delete(watch);
          found();
        };
        watchers.add(watch);
        watch();
        void ended.then(({ status }) =>
          failed(new Error(`ended with ${status} before ${pattern}:\n${output}`)),
        );
      }),
  };
}

export function run(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return start(words, env).ended;
}

/** Process ids of everything that descends from us or carries the mark in its command line. */
export async function processesWith(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter(
    name => /^\d+$/.test(name) && name !== String(process.pid),
  )) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(mark)) found.push(`${pid} ${line.replaceAll('\0', ' ').slice(0, 120)}`);
  }
  return found;
}

/** What a killed run could leave: processes, mounts, loop devices, and files that look finished. */
export async function leftovers(output: string): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter(line => line.includes(output));
  const loops: string[] = [];
  for (const name of (await readdir('/sys/block')).filter(each => each.startsWith('loop'))) {
    const file = await readFile(join('/sys/block', name, 'loop/backing_file'), 'utf8').catch(() => '');
    if (file.includes(output)) loops.push(`${name} ${file}`);
  }
  return [...(await processesWith(output)), ...mounts, ...loops];
}
