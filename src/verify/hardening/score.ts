import type { ImageContent } from '../../image/content.ts';
import { KINDS } from './kinds.ts';
import type { HardeningRule } from './profile.ts';

/** How an image stands to the hardening profile; names of rules. */
export interface HardeningScore {
  /** Percent of the rules that are not waived, rounded down. */
  readonly points: number;
  readonly met: readonly string[];
  readonly missed: readonly string[];
  readonly waived: readonly string[];
}

/** @param waivers reasons by the name of a rule */
export async function scoreOf(
  content: ImageContent,
  rules: readonly HardeningRule[],
  waivers: Readonly<Record<string, string>>,
): Promise<HardeningScore> {
  const judges = new Map<string, Awaited<ReturnType<(typeof KINDS)[HardeningRule['kind']]>>>();
  for (const { kind } of rules) if (!judges.has(kind)) judges.set(kind, await KINDS[kind](content));
  const waived = rules.filter(({ name }) => Object.hasOwn(waivers, name));
  const counted = rules.filter(rule => !waived.includes(rule));
  const met = counted.filter(({ kind, wanted, unset }) => judges.get(kind)?.(wanted, unset) === true);
  return {
    points: counted.length === 0 ? 100 : Math.floor((100 * met.length) / counted.length),
    met: names(met),
    missed: names(counted.filter(rule => !met.includes(rule))),
    waived: names(waived),
  };
}

function names(rules: readonly HardeningRule[]): string[] {
  return rules.map(({ name }) => name);
}

/** Rules that were met before and are not any more, without a waiver. */
export function regressions(before: Pick<HardeningScore, 'met'>, now: HardeningScore): string[] {
  return now.missed.filter(name => before.met.includes(name));
}
