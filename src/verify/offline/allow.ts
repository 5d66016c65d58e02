import type { Finding } from './types.ts';

/** A finding that the factory file takes as it is. */
export interface Allowed {
  /** What a finding names; `*` stands for any text. */
  readonly what: string;
  readonly reason: string;
  /** Its last day, `2026-12-24`, in UTC; absent: for good. */
  readonly expires?: string;
}

export interface Judged {
  /** What is wrong all the same, each as one text. */
  readonly wrong: readonly string[];
  /** The reasons that excuse something. */
  readonly excused: readonly string[];
}

/** What of the findings the allow-list does not excuse; an entry that has expired excuses nothing. */
export function judgeFindings(findings: readonly Finding[], list: readonly Allowed[], now: Date): Judged {
  const wrong: string[] = [];
  const excused = new Set<string>();
  for (const { what, why } of findings) {
    const entries = list.filter(each => matches(each.what, what));
    const valid = entries.find(each => !hasExpired(each, now));
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

function hasExpired({ expires }: Allowed, now: Date): boolean {
  return expires !== undefined && now.toISOString().slice(0, 10) > expires;
}
