import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledError } from './errors.ts';
import { type Log, silentLog } from './log.ts';

/**
 * The world, handed in: time, randomness, sleep, cancellation, environment and log. No module below
 * `actions/` reads `process.env`, `Date.now` or `Math.random` on its own.
 */
export interface Context {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): Date;
  /** Rejects with CancelledError when the signal fires. */
  sleep(milliseconds: number): Promise<void>;
  random(bytes: number): Buffer;
}

export function createContext(overrides: Partial<Context> = {}): Context {
  const signal = overrides.signal ?? new AbortController().signal;
  // All work that waits listens to it; Node would take so many for a leak, and say so in the log.
  setMaxListeners(0, signal);
  return {
    log: silentLog,
    env: {},
    now: () => new Date(),
    sleep: async milliseconds => {
      try {
        await delay(milliseconds, undefined, { signal });
      } catch (cause) {
        throw new CancelledError('cancelled while waiting', { cause });
      }
    },
    random: bytes => randomBytes(bytes),
    ...overrides,
    signal,
  };
}

/** Throws CancelledError once the signal has fired. */
export function checkCancelled(context: Pick<Context, 'signal'>): void {
  if (context.signal.aborted) throw new CancelledError();
}
