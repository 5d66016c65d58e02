import { BUNDLE_MUTATIONS } from './bundle.ts';
import { DISK_MUTATIONS } from './disk.ts';
import { IDENTITY_MUTATIONS } from './identity.ts';
import { SYSTEM_MUTATIONS } from './system.ts';
import type { Mutation } from './types.ts';

/** Every defect that is seen in the bytes. */
export const OFFLINE_MUTATIONS: readonly Mutation[] = [
  ...BUNDLE_MUTATIONS,
  ...DISK_MUTATIONS,
  ...IDENTITY_MUTATIONS,
  ...SYSTEM_MUTATIONS,
];
