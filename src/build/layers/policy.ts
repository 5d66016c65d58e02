import type { KeyedStep } from './keys.ts';

/** Work that takes less, in seconds, is done again: to write a layer and to read it takes about as long. */
const WORTH = 2;

/** Phases after which a layer is kept; the later ones end in the image itself. */
const BOUNDARIES = [
  'bootstrap',
  'root.d',
  'settle',
  'pre-install.d',
  'install.d',
  'post-install.d',
  'post-root.d',
];

export interface LayerMoment {
  readonly steps: readonly KeyedStep[];
  /** How many of the steps are done. */
  readonly done: number;
  /** How many steps are the same as in the line's last build. */
  readonly same: number;
  /** Of work since the last layer. */
  readonly seconds: number;
}

/** Whether the tree as it stands is kept: at the end of a phase, and before the first step that changed. */
export function isWorthKeeping({ steps, done, same, seconds }: LayerMoment): boolean {
  if (seconds < WORTH) return false;
  const [last, next] = [phaseOf(steps[done - 1]), phaseOf(steps[done])];
  // What extra-data.d has fetched lies outside the tree until it is over.
  if (last === 'extra-data.d') return false;
  return (last !== next && BOUNDARIES.includes(last)) || (done === same && next !== '');
}

function phaseOf(step: KeyedStep | undefined): string {
  return step?.place.split('/')[0] ?? '';
}
