import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, CheckError } from '../../src/host/errors.ts';
import { elsewhere, type JudgeOptions, judge } from '../../src/verify/judge.ts';
import { type GuestCheck, NotApplicable, type Severity } from '../../src/verify/types.ts';

const NOW = '2026-11-21T12:00:00Z';
const context = createContext({ now: () => new Date(NOW) });

function checkOf(severity: Severity = 'required'): GuestCheck {
  const facts = { name: 'ssh', protects: 'A door.', severity, places: ['runner'] } as const;
  return { ...facts, kind: 'guest', run: async () => '' };
}

/** Ends as each of these in turn; a text is what was seen. */
function inTurn(...ends: (string | Error)[]): () => Promise<string> {
  return async () => {
    const next = ends.length > 1 ? ends.shift() : ends[0];
    if (next instanceof Error) throw next;
    return next ?? '';
  };
}

const outcomeOf = async (act: () => Promise<string>, options?: JudgeOptions, severity?: Severity) => {
  const { name, outcome, detail } = await judge(context, checkOf(severity), act, options);
  expect(name).toBe('ssh');
  return { outcome, detail };
};

const closed = new CheckError('the door is closed', { advice: 'open it' });
const quarantine = { tracker: 'issue 7', expires: '2026-11-21' };
const over = { ...quarantine, expires: '2026-11-20' };

describe('a check', () => {
  it.each<[string, () => Promise<string>, JudgeOptions, Severity, string, string]>([
    ['passes', inTurn('open'), {}, 'required', 'passed', 'open'],
    ['fails', inTurn(closed), {}, 'required', 'failed', 'the door is closed: open it'],
    ['only warns', inTurn(closed), {}, 'warning', 'warned', 'the door is closed: open it'],
    [
      'has nothing to look at',
      inTurn(new NotApplicable('no door')),
      {},
      'required',
      'not-applicable',
      'no door',
    ],
    [
      'stays failed when asked again',
      inTurn(closed),
      { again: true },
      'required',
      'failed',
      'the door is closed: open it',
    ],
    [
      'is flaky when it passes at the second time',
      inTurn(closed, 'open'),
      { again: true },
      'required',
      'flaky',
      'passed when asked again; at first: the door is closed: open it',
    ],
    [
      'is not asked again after a pass',
      inTurn('open', closed),
      { again: true },
      'required',
      'passed',
      'open',
    ],
    [
      'fails in quarantine',
      inTurn(closed),
      { quarantine },
      'required',
      'quarantined',
      'issue 7: the door is closed: open it',
    ],
    ['passes in quarantine', inTurn('open'), { quarantine }, 'required', 'passed', 'open'],
    [
      'fails after its quarantine',
      inTurn(closed),
      { quarantine: over },
      'warning',
      'failed',
      'its quarantine ended with 2026-11-20 (issue 7): the door is closed: open it',
    ],
    [
      'passes after its quarantine, which is a failure',
      inTurn('open'),
      { quarantine: over },
      'required',
      'failed',
      'its quarantine ended with 2026-11-20 (issue 7): open',
    ],
  ])('%s', async (_how, act, options, severity, outcome, detail) => {
    expect(await outcomeOf(act, options, severity)).toEqual({ outcome, detail });
  });

  it.each([new CancelledError(), new TypeError('bug')])('lets %s through', error =>
    expect(outcomeOf(inTurn(error))).rejects.toBe(error),
  );

  it('tells one short clean line', async () => {
    const { detail } = await outcomeOf(inTurn(`\u001b[31m${'x'.repeat(5000)}\n::error::`));
    expect(detail).toMatch(/^x{600}$/);
  });

  it('of another place is told of and not run', () => {
    const { outcome, detail } = elsewhere(context, checkOf());
    expect({ outcome, detail }).toEqual({ outcome: 'not-applicable', detail: 'applies in the runner only' });
  });
});
