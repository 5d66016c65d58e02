import type { GuestMutation } from '../types.ts';
import { ACCESS } from './access.ts';
import { CLOSING } from './closing.ts';
import { HARDWARE } from './hardware.ts';
import { NETWORK } from './network.ts';
import { STARTING } from './starting.ts';

/** Every defect that is seen in a running guest. */
export const GUEST_MUTATIONS: readonly GuestMutation[] = [
  ...[...STARTING, ...NETWORK, ...ACCESS, ...HARDWARE],
  ...CLOSING,
];
