import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

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
  isOver(): boolean;
  /** Resolves when the output matches; rejects when the program ends before. */
  says(pattern: RegExp): Promise<void>;
}

export function start(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  return startCommand([PROGRAM, ...words], env);
}

/** Starts a program in its own session, so that a signal reaches it alone. */
export function startCommand(
  [program = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
): Running {
  const child = spawn(program, words, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
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
  let over = false;
  void ended.then(() => {
    over = true;
  });
  return {
    child,
    ended,
    output: () => output,
    isOver: () => over,
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
