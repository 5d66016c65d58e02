import type { Allowed } from '../../definition/types.ts';
import { isExpired } from '../quarantine.ts';
import type { Finding } from './types.ts';

export interface Judged {
  /** What is wrong all the same, each as one text. */
  readonly wrong: readonly string[];
  /** The reasons that excuse something. */
  readonly excused: readonly string[];
}

/**
 * What of the findings the allow-list of a check does not excuse; an entry that has expired excuses nothing.
 * @param list by what a finding names
 */
export function judgeFindings(
  findings: readonly Finding[],
  list: Readonly<Record<string, Allowed>>,
  now: Date,
): Judged {
  const wrong: string[] = [];
  const excused = new Set<string>();
  for (const { what, why } of findings) {
    const entries = Object.entries(list).flatMap(([pattern, each]) => (matches(pattern, what) ? [each] : []));
    const valid = entries.find(({ expires }) => expires === undefined || !isExpired({ expires }, now));
    const [expired] = entries;
    if (valid !== undefined) excused.add(valid.reason);
    else if (expired === undefined) wrong.push(`${what}: ${why}`);
    else wrong.push(`${what}: ${why} (allowed until ${expired.expires}: ${expired.reason})`);
  }
  return { wrong, excused: [...excused] };
}

function matches(pattern: string, what: string): boolean {
  const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(what);
}
