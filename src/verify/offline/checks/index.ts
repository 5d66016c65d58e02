import type { OfflineCheck } from '../types.ts';
import { bootable } from './bootable.ts';
import { buildHost } from './build-host.ts';
import { documents } from './documents.ts';
import { filesystem } from './filesystem.ts';
import { forms } from './forms.ts';
import { fstab } from './fstab.ts';
import { hostKeys } from './host-keys.ts';
import { logins } from './logins.ts';
import { packageFiles } from './package-files.ts';
import { packageSources } from './package-sources.ts';
import { sealed } from './sealed.ts';
import { secrets } from './secrets.ts';
import { setId } from './set-id.ts';
import { worldWritable } from './world-writable.ts';

/** Every check on an image's bytes, in the order in which they run. */
export const OFFLINE_CHECKS: readonly OfflineCheck[] = [
  forms,
  documents,
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
];
