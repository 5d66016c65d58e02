import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Context, checkCancelled } from '../host/context.ts';
import { CancelledError, HostError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { plainEnvironment } from '../host/process.ts';
import { onDisk } from './files.ts';

export interface LockOptions {
  /** The file that is locked; it stays behind, unlocked. */
  readonly file: string;
  /** What is locked, for the message: `debian-12`. */
  readonly what: string;
  /** Who locks it, for the message another process gives: a CI job's link or `host:PID`. */
  readonly holder: string;
  /** Seconds to wait for another process; 0: refuse at once. */
  readonly wait: number;
}

const HELD_BY_ANOTHER = 75;

/**
 * Runs body while no other process holds the same lock. The kernel holds it (flock), through a child that
 * ends when our end of its pipe closes: a lock cannot outlive its holder, not even after SIGKILL.
 * @throws HostError when another process has it, CancelledError when the signal fired while waiting
 */
export async function withLock<T>(
  context: Context,
  options: LockOptions,
  body: () => Promise<T>,
): Promise<T> {
  const release = await acquire(context, options);
  try {
    await writeFile(options.file, `${options.holder}\n`);
    return await body();
  } finally {
    await release();
  }
}

async function acquire(context: Context, options: LockOptions): Promise<() => Promise<void>> {
  checkCancelled(context);
  await onDisk(`making ${dirname(options.file)}`, () => mkdir(dirname(options.file), { recursive: true }));
  const patience = options.wait === 0 ? ['--nonblock'] : ['--timeout', String(options.wait)];
  const argv = ['--exclusive', ...patience, '--conflict-exit-code', String(HELD_BY_ANOTHER)];
  // Its own session: Ctrl-C at the terminal must not take the lock away while we still work.
  const child = spawn('flock', [...argv, '--no-fork', options.file, 'cat'], {
    env: plainEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const stop = () => child.kill('SIGKILL');
  context.signal.addEventListener('abort', stop, { once: true });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  child.stdin.on('error', () => {});
  child.stdin.write('held\n');
  const held = once(child.stdout, 'data').then(() => 'held' as const);
  try {
    const outcome = await Promise.race([held, closed]);
    if (outcome !== 'held') throw await refusal(context, options, outcome);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(error) : error;
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
  return async () => {
    child.stdin.end();
    await closed;
  };
}

async function refusal(context: Context, options: LockOptions, status: number | null): Promise<Error> {
  if (context.signal.aborted) return new CancelledError();
  if (status !== HELD_BY_ANOTHER) return new HostError(`${options.file} cannot be locked`);
  const holder = clean((await readFile(options.file, 'utf8')).trim());
  return new HostError(`${options.what} is being changed by another process (${holder || 'unknown'})`, {
    advice: 'wait until it has ended, then run again',
  });
}

function missing(cause: unknown): HostError {
  return new HostError('flock is not installed or not in the PATH', { advice: 'install util-linux', cause });
}
