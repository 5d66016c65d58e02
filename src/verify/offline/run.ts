import type { Quarantine } from '../../definition/types.ts';
import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import type { HardeningScore } from '../hardening/score.ts';
import { judge } from '../judge.ts';
import type { CheckResult, OfflineCheck } from '../types.ts';
import { judgeFindings } from './allow.ts';
import { withImage } from './open.ts';
import type { BundleUnderTest, ImageUnderTest, Looked } from './types.ts';

/** More findings than this are only counted. */
const MOST_TOLD = 3;

/** Runs checks on the bytes of a bundle, one after the other; what several of them need is read once. */
export async function runOffline(
  context: Context,
  bundle: BundleUnderTest,
  checks: readonly OfflineCheck[],
  quarantine: Readonly<Record<string, Quarantine>>,
): Promise<CheckResult[]> {
  if (checks.length === 0) return [];
  const judgeAll = async (act: (check: OfflineCheck) => Promise<string>) => {
    const results: CheckResult[] = [];
    for (const check of checks) {
      results.push(await judge(context, check, () => act(check), { quarantine: quarantine[check.name] }));
    }
    return results;
  };
  try {
    return await withImage(context, bundle, async image => {
      const scores = new Map<OfflineCheck['name'], HardeningScore>();
      const results = await judgeAll(async check => {
        const looked = await check.look(image);
        if (looked.score !== undefined) scores.set(check.name, looked.score);
        return told(check, image, looked);
      });
      return results.map(result => withScore(result, scores.get(result.name)));
    });
  } catch (error) {
    // A disk that cannot be opened fails whatever would have looked at it.
    if (!(error instanceof CheckError)) throw error;
    return judgeAll(() => Promise.reject(error));
  }
}

/** @returns what was seen; throws CheckError with what is wrong and not excused by the factory file */
function told(
  { name }: OfflineCheck,
  { allow, context }: ImageUnderTest,
  { findings, seen }: Looked,
): string {
  const { wrong, excused } = judgeFindings(findings, allow[name] ?? {}, context.now());
  if (wrong.length > 0) throw new CheckError(summary(wrong));
  return excused.length === 0 ? seen : `${seen}; allowed: ${excused.join(', ')}`;
}

function withScore(result: CheckResult, score: HardeningScore | undefined): CheckResult {
  return score === undefined ? result : { ...result, score };
}

export function summary(wrong: readonly string[]): string {
  const more = wrong.length - MOST_TOLD;
  return `${wrong.slice(0, MOST_TOLD).join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`;
}
