import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CancelledError } from '../../src/host/errors.ts';
import { ApiError, ConnectionError } from '../../src/openstack/errors.ts';
import { delayBefore, mayRetry, RETRIES, retryAfter, withRetries } from '../../src/openstack/retry.ts';

const refused = (status: number, after?: number) =>
  new ApiError('try', { status, text: '', requestId: undefined, service: 'a test', retryAfter: after });
const cut = () => new ConnectionError('try', 'a test', { code: 'ECONNRESET' });
const unsent = () => new ConnectionError('try', 'a test', { code: 'ECONNREFUSED' });

/** A clock that sleeping moves on. */
function clock() {
  let time = 1_000_000;
  const slept: number[] = [];
  const context = createContext({
    now: () => new Date(time),
    sleep: async milliseconds => {
      time += milliseconds;
      slept.push(milliseconds);
    },
  });
  return { context, slept };
}

describe('what may be sent again', () => {
  it('a request that is no different when sent twice: after a cut connection and what passes', () => {
    for (const status of [408, 429, 500, 502, 503, 504]) expect(mayRetry(refused(status), true)).toBe(true);
    expect(mayRetry(cut(), true)).toBe(true);
  });

  it('any other request: only if it was certainly not carried out', () => {
    expect([429, 408, 500, 502, 503, 504].filter(status => mayRetry(refused(status), false))).toEqual([429]);
    expect(mayRetry(cut(), false)).toBe(false);
    expect(mayRetry(unsent(), false)).toBe(true);
  });

  it('nothing after a refusal, or an error of our own', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(400, 401, 403, 404, 409, 410, 413, 501, 505),
        fc.boolean(),
        (status, idempotent) => {
          expect(mayRetry(refused(status), idempotent)).toBe(false);
        },
      ),
    );
    expect(mayRetry(new TypeError('ours'), true)).toBe(false);
  });
});

it('waits at least as long as asked, and no longer than the longest delay unless asked', () => {
  const asked = fc.option(fc.nat(600_000), { nil: undefined });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      asked,
      (done, fraction, wish) => {
        const delay = delayBefore(RETRIES, done, fraction, wish);
        expect(delay).toBeGreaterThanOrEqual(wish ?? RETRIES.firstDelay / 2);
        expect(delay).toBeLessThanOrEqual(Math.max(RETRIES.longestDelay, wish ?? 0));
      },
    ),
  );
});

it('reads Retry-After as seconds or as a date', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  expect(retryAfter('7', now)).toBe(7000);
  expect(retryAfter('Sat, 21 Nov 2026 10:00:30 GMT', now)).toBe(30_000);
  expect(retryAfter('Sat, 21 Nov 2026 09:00:00 GMT', now)).toBe(0);
  expect(retryAfter('soon', now)).toBeUndefined();
  expect(retryAfter(undefined, now)).toBeUndefined();
});

it('tries until it works, and tells which try it is', async () => {
  const { context, slept } = clock();
  const tries: number[] = [];
  const result = await withRetries(
    context,
    { what: 'try', idempotent: true, deadline: 60_000 },
    async done => {
      tries.push(done);
      if (done < 3) throw refused(503, 2000);
      return 'done';
    },
  );
  expect({ result, tries, slept }).toEqual({ result: 'done', tries: [1, 2, 3], slept: [2000, 2000] });
});

it('tries as often as the policy says, never past the deadline, and gives the last error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(100_000),
      fc.option(fc.nat(40_000), { nil: undefined }),
      async (deadline, after) => {
        const { context, slept } = clock();
        let tries = 0;
        const failing = withRetries(context, { what: 'try', idempotent: true, deadline }, async () => {
          tries++;
          throw refused(503, after);
        });
        await expect(failing).rejects.toMatchObject({ status: 8, message: expect.stringContaining('503') });
        expect(tries).toBeLessThanOrEqual(RETRIES.tries);
        expect(slept.length).toBe(tries - 1);
        expect(slept.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(deadline);
        if (deadline >= 200_000) expect(tries).toBe(RETRIES.tries);
      },
    ),
  );
});

it('says so when the cloud asks for more time than there is', async () => {
  const { context } = clock();
  const failing = withRetries(context, { what: 'try', idempotent: false, deadline: 10_000 }, async () => {
    throw refused(429, 3_600_000);
  });
  await expect(failing).rejects.toThrow('it asks to wait 3600 s, longer than there is time');
});

it('tells a cancelled request from one that failed', async () => {
  const controller = new AbortController();
  const context = createContext({ signal: controller.signal });
  const failing = withRetries(context, { what: 'try', idempotent: true, deadline: 10_000 }, async () => {
    controller.abort();
    throw cut();
  });
  await expect(failing).rejects.toBeInstanceOf(CancelledError);
});
