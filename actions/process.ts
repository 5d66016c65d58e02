import { hostname } from 'node:os';
import { type Context, createContext } from '../src/host/context.ts';
import { CancelledError, describe, exitStatus } from '../src/host/errors.ts';
import { explainFullDisk } from '../src/host/room.ts';
import { createRunner } from '../src/runner/detect.ts';
import type { Runner, RunnerWorld } from '../src/runner/types.ts';
import { withoutInputs } from './secrets.ts';

/** A CI runner kills soon after it asks: by then we must be gone, whatever still runs. Milliseconds. */
const PATIENCE = 1_500;

export interface Session {
  readonly world: RunnerWorld;
  readonly runner: Runner;
  readonly context: Context;
}

/**
 * Runs body in this process's world and ends the process with the status of what came of it. This is the only
 * place that touches `process`.
 */
export async function inSession(
  options: { verbose: boolean; out: NodeJS.WriteStream },
  body: (session: Session) => Promise<void>,
): Promise<never> {
  quietBrokenPipes();
  const world = worldOf(options);
  const runner = createRunner(world);
  const signal = interruptible(runner);
  const context = createContext({ log: runner.log, signal, env: withoutInputs(world.env) });
  let status = 0;
  try {
    await body({ world, runner, context });
  } catch (error) {
    status = tell(runner, signal.aborted ? asCancelled(error) : await explainFullDisk(error));
  }
  runner.close();
  // Sockets that are kept alive and pools must not keep a finished command waiting.
  process.exit(status);
}

function worldOf({ verbose, out }: { verbose: boolean; out: NodeJS.WriteStream }): RunnerWorld {
  const { env, pid } = process;
  const random = createContext().random;
  return { env: { ...env }, out, now: () => new Date(), random, host: hostname(), pid, verbose };
}

/** Reports an error. @returns its exit status */
function tell(runner: Runner, error: unknown): number {
  const { line, causes } = describe(error);
  runner.failure(line, causes);
  return exitStatus(error);
}

function asCancelled(error: unknown): unknown {
  return error instanceof CancelledError ? error : new CancelledError('cancelled', { cause: error });
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** They ask the work to stop; the second one, or a stop that takes long, ends it. */
function interruptible(runner: Runner): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) dieAtOnce();
    setTimeout(dieAtOnce, PATIENCE).unref();
    controller.abort();
    runner.log.info('stopping');
  };
  for (const name of STOP_SIGNALS) process.on(name, stop);
  return controller.signal;
}

/**
 * Ends with 130 by the signal itself: process.exit waits for file operations under way, and one on a dead
 * network disk never ends.
 */
function dieAtOnce(): void {
  for (const name of STOP_SIGNALS) process.removeAllListeners(name);
  process.kill(process.pid, 'SIGINT');
}

/** Who stops reading our words does not stop our work, nor does he want to hear of EPIPE. */
function quietBrokenPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', error => {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    });
  }
}
