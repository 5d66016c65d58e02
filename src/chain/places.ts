import type { PlaceKind } from '../verify/types.ts';

/** Where an image is verified before it is in any store. */
export const RUNNER_PLACE = 'qemu';

export function placeKind(place: string): PlaceKind {
  return place === RUNNER_PLACE ? 'runner' : 'store';
}
