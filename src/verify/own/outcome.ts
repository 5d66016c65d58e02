import type { SshResult } from '../../boot/types.ts';
import { CheckError } from '../../host/errors.ts';
import { lastLines } from '../../host/process.ts';
import { NotApplicable } from '../types.ts';
import { readTap, type TapReport } from './tap.ts';

/** Exit status by which a test says that it cannot be run here, as automake has it. */
const SKIPPED = 77;

/**
 * What a script's output and exit status say.
 * @returns what was seen; throws CheckError when it failed, NotApplicable when it skipped itself
 */
export function outcomeOf({ status, stdout, stderr }: SshResult): string {
  const words = lastLines(stdout, 1) || lastLines(stderr, 1);
  if (status === SKIPPED) throw new NotApplicable(words || 'it skipped itself');
  const tap = readTap(stdout);
  if (tap !== undefined) return tapOutcome(tap, status);
  if (status === 0) return words || 'it ended with status 0';
  const why = lastLines(stderr, 2) || lastLines(stdout, 2);
  throw new CheckError(`it ended with status ${status}${why === '' ? '' : `: ${why}`}`);
}

function tapOutcome({ passed, failed, skipped, broken }: TapReport, status: number): string {
  const all = passed + failed.length + skipped;
  if (failed.length > 0) {
    throw new CheckError(`${failed.length} of ${all} tests failed: ${failed.slice(0, 3).join('; ')}`);
  }
  if (broken !== undefined) throw new CheckError(`its TAP is broken: ${broken}`);
  if (status !== 0) throw new CheckError(`all tests passed, and it ended with status ${status}`);
  if (passed === 0) throw new NotApplicable('all of its tests were skipped');
  return `${passed} tests passed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}
