import { createHash } from 'node:crypto';
import { canonical } from '../inputs.ts';

/** One step of the flattened sequence that makes a root tree. */
export interface Step {
  /** `bootstrap`, `install.d/50-motd`: unique in the sequence. */
  readonly place: string;
  /** All that the step's result depends on, beside the tree that it finds: plain data. */
  readonly ingredients: unknown;
}

/** A step with the key of the tree as it stands after it. */
export interface KeyedStep {
  readonly place: string;
  /** SHA-256: of the key before, the place and the ingredients. */
  readonly key: string;
}

/**
 * The keys of all prefixes of a sequence of steps: any change of a step, or of what stands before it, changes the
 * keys of it and of all that follow.
 * @param root what the whole sequence depends on
 */
export function keySteps(root: unknown, steps: readonly Step[]): KeyedStep[] {
  let parent = hash(root);
  return steps.map(({ place, ingredients }) => {
    parent = hash([parent, place, ingredients]);
    return { place, key: parent };
  });
}

/** How many steps two sequences have in common from the start. */
export function commonSteps(before: readonly KeyedStep[], now: readonly KeyedStep[]): number {
  const different = now.findIndex(({ key }, index) => before[index]?.key !== key);
  return different < 0 ? now.length : different;
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}
