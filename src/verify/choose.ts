import { CLOUD_CHECKS } from '../definition/builtin.ts';
import { isOwnCheck } from '../definition/own-checks.ts';
import type { Quarantine } from '../definition/types.ts';
import { closest } from '../definition/words.ts';
import { DefinitionError } from '../host/errors.ts';
import { CHECKS } from './checks/index.ts';
import { ownFacts } from './own/checks.ts';
import { isExpired } from './quarantine.ts';
import type { Check, CheckFacts, GuestCheck, PlaceKind } from './types.ts';

/** What a factory file asks of an image in a place. */
export interface Asked {
  readonly place: PlaceKind;
  /** Names of checks. */
  readonly checks: readonly string[];
  readonly quarantine: Readonly<Record<string, Quarantine>>;
}

/**
 * The checks of these names, in the order of the list; the user's own come before those that restart the guest.
 * @param own the user's own checks that are known
 * @throws DefinitionError for an unknown name, or for none at all
 */
export function chooseChecks(names: readonly string[], own: readonly GuestCheck[] = []): Check[] {
  const isLast = (check: Check) => check.kind === 'guest' && check.alone === true;
  return choose(names, [...CHECKS.filter(check => !isLast(check)), ...own, ...CHECKS.filter(isLast)]);
}

function choose<T extends CheckFacts>(names: readonly string[], all: readonly T[]): T[] {
  const known = all.map(check => check.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = closest(name, known);
    throw new DefinitionError(`there is no check ${JSON.stringify(name)}`, {
      advice: near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`,
    });
  }
  if (names.length === 0) throw new DefinitionError('no check is required', { advice: 'name one at least' });
  return all.filter(check => names.includes(check.name));
}

/** These checks, and those that there are for clouds alone. */
export function withCloudChecks(names: readonly string[]): string[] {
  return [...new Set([...names, ...CLOUD_CHECKS])];
}

/**
 * Which of them must have passed: not those that do not apply there, only warn, or are in quarantine.
 * @throws DefinitionError when none is left: an image that nothing is asked of is not tested
 */
export function requiredChecks({ place, checks, quarantine }: Asked, now: Date): string[] {
  const required = choose<CheckFacts>(checks, [...CHECKS, ...checks.filter(isOwnCheck).map(ownFacts)])
    .filter(({ severity, places }) => severity === 'required' && places.includes(place))
    .map(({ name }) => name)
    .filter(name => {
      const entry = quarantine[name];
      return entry === undefined || isExpired(entry, now);
    });
  if (required.length > 0) return required;
  throw new DefinitionError(`none of ${checks.join(', ')} would stop a bad image here`, {
    advice: 'require a check that applies and is not in quarantine',
  });
}
