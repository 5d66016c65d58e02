import type { Context } from '../host/context.ts';
import { CancelledError, CloudError, type FactoryError } from '../host/errors.ts';
import { ApiError, ConnectionError } from './errors.ts';

/** Answers by which a server or a proxy says that another try may help. */
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);

/** How often, and in which steps, something is tried again. Milliseconds. */
export interface RetryPolicy {
  /** Tries in all. */
  readonly tries: number;
  readonly firstDelay: number;
  readonly longestDelay: number;
}

export const RETRIES: RetryPolicy = { tries: 6, firstDelay: 500, longestDelay: 30_000 };

/**
 * Whether a request that ended so may be sent again.
 * @param idempotent sent twice it does what it does once. One that is not may be sent again only if it was
 *   certainly not carried out: it never left, or a limiter turned it away.
 */
export function mayRetry(error: unknown, idempotent: boolean): boolean {
  if (error instanceof ConnectionError) return idempotent || error.unsent;
  if (!(error instanceof ApiError)) return false;
  return error.httpStatus === 429 || (idempotent && TRANSIENT.has(error.httpStatus));
}

/**
 * Milliseconds to wait before the next try: what the server asks for, else twice as long each time, of which a random
 * half, so that many clients do not come back at once.
 * @param done tries so far, from 1
 * @param fraction random, 0 to 1
 */
export function delayBefore(
  policy: RetryPolicy,
  done: number,
  fraction: number,
  asked: number | undefined,
): number {
  const step = Math.min(policy.longestDelay, policy.firstDelay * 2 ** (done - 1));
  return Math.max(asked ?? 0, step / 2 + (step / 2) * fraction);
}

/** Retry-After in milliseconds: seconds, or a date. @param now milliseconds since 1970 */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export interface Retrying {
  /** What is tried, for the log. */
  readonly what: string;
  readonly idempotent: boolean;
  /** Instead of `mayRetry`, for work of several requests that starts over as a whole. */
  readonly worthAnother?: (error: unknown) => boolean;
  /** Milliseconds from the first try after which no further one starts. */
  readonly deadline: number;
  readonly policy?: RetryPolicy;
}

/**
 * Tries until it works, the error is final, the tries are used up or the deadline would pass.
 * @throws the last error
 */
export async function withRetries<T>(
  context: Pick<Context, 'now' | 'sleep' | 'random' | 'log' | 'signal'>,
  { what, idempotent, deadline, policy = RETRIES, ...more }: Retrying,
  attempt: (done: number) => Promise<T>,
): Promise<T> {
  const end = context.now().getTime() + deadline;
  const worthAnother = more.worthAnother ?? (error => mayRetry(error, idempotent));
  for (let done = 1; ; done++) {
    try {
      return await attempt(done);
    } catch (error) {
      if (context.signal.aborted) throw new CancelledError('cancelled', { cause: error });
      if (done >= policy.tries || !worthAnother(error)) throw error;
      const asked = error instanceof ApiError ? error.retryAfter : undefined;
      const delay = delayBefore(policy, done, randomFraction(context), asked);
      if (context.now().getTime() + delay > end) throw late(error as FactoryError, delay);
      context.log.debug(`${what}: ${(error as Error).message}; again in ${(delay / 1000).toFixed(1)} s`);
      await context.sleep(delay);
    }
  }
}

function late(error: FactoryError, delay: number): FactoryError {
  if (!(error instanceof ApiError) || error.retryAfter === undefined) return error;
  return new CloudError(
    `${error.message}; it asks to wait ${Math.ceil(delay / 1000)} s, longer than there is time`,
    {
      advice: 'try again later',
      cause: error,
    },
  );
}

/** 0 to 1, by the context's randomness. */
export function randomFraction(context: Pick<Context, 'random'>): number {
  return context.random(4).readUInt32BE() / 0xffff_ffff;
}
