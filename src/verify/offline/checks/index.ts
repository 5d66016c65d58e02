import type { OfflineCheck } from '../../types.ts';
import { bootable } from './bootable.ts';
import { buildHost } from './build-host.ts';
import { filesystem } from './filesystem.ts';
import { fstab } from './fstab.ts';
import { hardening } from './hardening.ts';
import { hostKeys } from './host-keys.ts';
import { images } from './images.ts';
import { logins } from './logins.ts';
import { packageFiles } from './package-files.ts';
import { packageSources } from './package-sources.ts';
import { sealed } from './sealed.ts';
import { secrets } from './secrets.ts';
import { securityUpdates } from './security-updates.ts';
import { setId } from './set-id.ts';
import { worldWritable } from './world-writable.ts';

/** Every check on an image's bytes, in the order in which they run. */
export const OFFLINE_CHECKS: readonly OfflineCheck[] = [
  images,
  filesystem,
  bootable,
  fstab,
  sealed,
  hostKeys,
  logins,
  secrets,
  buildHost,
  worldWritable,
  setId,
  packageFiles,
  packageSources,
  hardening,
  securityUpdates,
];
