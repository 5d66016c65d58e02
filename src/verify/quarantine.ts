import type { Quarantine } from '../definition/types.ts';

const DAY = 86_400_000;

/** Whether its last day, in UTC, is over. */
export function isExpired({ expires }: Pick<Quarantine, 'expires'>, now: Date): boolean {
  return now.getTime() >= Date.parse(`${expires}T00:00:00Z`) + DAY;
}
