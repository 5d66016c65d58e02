import type { Plot } from './planting.ts';

/** A small defect, and the check that has to catch it. */
export interface Mutation {
  /** `a setuid shell`: read after "an image with". */
  readonly name: string;
  /** The check that catches it, and no other does. */
  readonly check: string;
  /** What its message says. */
  readonly says: RegExp;
  /** Plants it in a disk; the bundle around it is then made as a build would have. */
  readonly plant?: (plot: Plot) => Promise<void> | void;
  /** Plants it in the finished bundle. @param core its folder */
  readonly spoil?: (core: string) => Promise<unknown>;
}

/** Defects that one check has to catch. */
export function caughtBy(
  check: string,
  defects: readonly (readonly [name: string, says: RegExp, plant: NonNullable<Mutation['plant']>])[],
): Mutation[] {
  return defects.map(([name, says, plant]) => ({ name, check, says, plant }));
}
