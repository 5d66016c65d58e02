import type { MatrixLeg } from '../chain/types.ts';
import { unknownImage } from './explain.ts';
import type { Architecture, Factory } from './types.ts';

/** GitHub refuses a matrix of more jobs. */
const MOST_LEGS = 256;

export type Runners = Readonly<Record<Architecture, string>>;

/** The runner label of a leg, by architecture: GitHub's own machines, which have KVM and `sudo -n`. */
export const DEFAULT_RUNNERS: Runners = { amd64: 'ubuntu-24.04' };

/**
 * @param names image lines; empty: all
 * @returns what `strategy.matrix` takes, in batches of at most 256 legs
 * @throws DefinitionError for a name that is no image line
 */
export function matrix(
  factory: Factory,
  names: readonly string[] = [],
  runners: Runners = DEFAULT_RUNNERS,
): { include: MatrixLeg[] }[] {
  const known = factory.images.map(({ name }) => name);
  const stranger = names.find(name => !known.includes(name));
  if (stranger !== undefined) throw unknownImage(stranger, known);
  const legs = factory.images
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map(({ name, architecture }) => ({ image: name, architecture, runner: runners[architecture] }));
  return batches(legs, MOST_LEGS).map(include => ({ include }));
}

function batches<T>(items: readonly T[], most: number): T[][] {
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_, index) => items.slice(index * most, (index + 1) * most));
}
