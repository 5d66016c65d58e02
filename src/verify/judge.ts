import type { Quarantine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { isExpired } from './quarantine.ts';
import { type Check, type CheckResult, NotApplicable, type Outcome } from './types.ts';

const LONGEST_DETAIL = 600;

interface Trial {
  readonly outcome: 'passed' | 'failed' | 'not-applicable';
  readonly detail: string;
}

export interface JudgeOptions {
  /** The factory file's word on this check. */
  readonly quarantine?: Quarantine | undefined;
  /** Whether a failure is asked again, to tell one that comes and goes from one that stays. */
  readonly again?: boolean;
}

/**
 * Runs a check and says how it ended. A second try never makes a failure a pass.
 * @throws whatever is neither CheckError nor NotApplicable: a fault of the place, or of ours
 */
export async function judge(
  context: Context,
  check: Check,
  act: () => Promise<string>,
  { quarantine, again = false }: JudgeOptions = {},
): Promise<CheckResult> {
  const start = context.now().getTime();
  const first = await attempt(act);
  const second = first.outcome === 'failed' && again ? await attempt(act) : first;
  const flaky = first.outcome === 'failed' && second.outcome !== 'failed';
  const seconds = (context.now().getTime() - start) / 1000;
  const trial = flaky ? { ...first, detail: `passed when asked again; at first: ${first.detail}` } : first;
  const ended = excuse(context, check, trial, flaky, quarantine);
  return tell(context, { name: check.name, seconds, ...ended, detail: oneLine(ended.detail) });
}

/** A check whose place is elsewhere. */
export function elsewhere(context: Context, { name, places }: Check): CheckResult {
  const detail = `applies in the ${places.join(' and the ')} only`;
  return tell(context, { name, outcome: 'not-applicable', seconds: 0, detail });
}

async function attempt(act: () => Promise<string>): Promise<Trial> {
  try {
    return { outcome: 'passed', detail: await act() };
  } catch (error) {
    if (error instanceof NotApplicable) return { outcome: 'not-applicable', detail: error.message };
    if (!(error instanceof CheckError)) throw error;
    return { outcome: 'failed', detail: error.line };
  }
}

function excuse(
  context: Context,
  { severity }: Check,
  { outcome, detail }: Trial,
  flaky: boolean,
  quarantine: Quarantine | undefined,
): { outcome: Outcome; detail: string } {
  if (quarantine !== undefined && isExpired(quarantine, context.now())) {
    const { expires, tracker } = quarantine;
    return { outcome: 'failed', detail: `its quarantine ended with ${expires} (${tracker}): ${detail}` };
  }
  if (outcome !== 'failed') return { outcome, detail };
  if (quarantine !== undefined) return { outcome: 'quarantined', detail: `${quarantine.tracker}: ${detail}` };
  if (severity === 'warning') return { outcome: 'warned', detail };
  return { outcome: flaky ? 'flaky' : 'failed', detail };
}

const LEVELS = {
  ...{ passed: 'info', 'not-applicable': 'info', warned: 'warn', quarantined: 'warn' },
  ...{ flaky: 'error', failed: 'error' },
} as const satisfies Record<Outcome, 'info' | 'warn' | 'error'>;

function tell(context: Context, result: CheckResult): CheckResult {
  const { name, outcome, detail } = result;
  context.log[LEVELS[outcome]](`${outcome.padEnd(7)} ${name}: ${detail}`);
  return result;
}

function oneLine(text: string): string {
  return clean(text).slice(0, LONGEST_DETAIL);
}
