import type { PlaceKind } from '../verify/types.ts';

/** Where an image is verified before it is in any store. */
export const RUNNER_PLACE = 'qemu';

const CLOUD = 'nova:';

/** The place of a verdict on a server in a cloud. */
export function cloudPlace(cloud: string): string {
  return `${CLOUD}${cloud}`;
}

export function placeKind(place: string): PlaceKind {
  if (place === RUNNER_PLACE) return 'runner';
  return place.startsWith(CLOUD) ? 'cloud' : 'store';
}
