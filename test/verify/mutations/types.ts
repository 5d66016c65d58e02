import type { Plot } from './planting.ts';

/** A small defect, and the check that has to catch it. */
export interface Mutation {
  /** `a setuid shell`: read after "an image with". */
  readonly name: string;
  /** The check that catches it. */
  readonly check: string;
  /** Others that see it as well, and rightly. */
  readonly also?: readonly string[];
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

/** A defect that shows when the image runs. */
export interface GuestMutation extends Mutation {
  readonly plant: NonNullable<Mutation['plant']>;
  /** Nothing else can be asked of its guest: it boots alone, and what other checks say is not looked at. */
  readonly closes?: true;
  /** What its guest is asked when it boots alone; default: the check alone. */
  readonly asked?: readonly string[];
}

type Defect = readonly [check: string, name: string, says: RegExp, plant: GuestMutation['plant']];

export function defect(
  [check, name, says, plant]: Defect,
  more: Pick<GuestMutation, 'also' | 'closes' | 'asked'> = {},
): GuestMutation {
  return { check, name, says, plant, ...more };
}
