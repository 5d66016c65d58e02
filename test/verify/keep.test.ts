import { expect, it } from 'vitest';
import { keepGuest } from '../../src/verify/keep.ts';
import { recordingContext } from '../host/support.ts';
import { fakeMachine } from './guest.ts';

const HOUR = 3_600_000;

/** A clock that a sleep moves, and what is told. */
function told() {
  let now = Date.parse('2026-11-21T14:00:00Z');
  const { context, said: lines } = recordingContext({
    now: () => new Date(now),
    sleep: async milliseconds => {
      now += milliseconds;
    },
  });
  return { context, lines, now: () => new Date(now).toISOString() };
}

it('says how to log in and until when, and then the time is over', async () => {
  const { context, lines, now } = told();
  const machine = { ...fakeMachine(), login: ['ssh', '-p', '2222', 'debian@127.0.0.1'] };
  await keepGuest(context, machine, 2 * HOUR);
  expect(now()).toBe('2026-11-21T16:00:00.000Z');
  expect(lines.join('\n')).toMatch(
    /running until 2026-11-21T16:00:00\.000Z.*\n.*ssh -p 2222 debian@127\.0\.0\.1/,
  );
});

it('waits for nobody who is off, and no longer than for one who goes', async () => {
  const { context, lines, now } = told();
  await keepGuest(context, fakeMachine({ status: 'ended: QEMU ended with status 0' }), HOUR);
  expect(lines.join('\n')).toContain('it is off');
  let asked = 0;
  const going = { ...fakeMachine(), status: async () => (++asked < 60 ? 'running' : 'ended: x') };
  await keepGuest(context, going, HOUR);
  expect(now() < '2026-11-21T14:02:00').toBe(true);
});
