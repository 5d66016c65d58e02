import { OFFLINE_CHECKS } from '../offline/checks/index.ts';
import type { Check } from '../types.ts';
import { address } from './address.ts';
import { configDrive } from './config-drive.ts';
import { consoleLog } from './console.ts';
import { imageRecord } from './image-record.ts';
import { metadata } from './metadata.ts';
import { reboot } from './reboot.ts';
import { rebuild } from './rebuild.ts';
import { resolver } from './resolver.ts';
import { rootGrows } from './root-grows.ts';
import { rootPassword } from './root-password.ts';
import { running } from './running.ts';
import { ssh } from './ssh.ts';
import { userData } from './user-data.ts';

/** Every check there is, in the order in which they run and are told of. */
export const CHECKS: readonly Check[] = [
  ...OFFLINE_CHECKS,
  running,
  address,
  ssh,
  userData,
  resolver,
  rootPassword,
  rootGrows,
  consoleLog,
  imageRecord,
  metadata,
  configDrive,
  reboot,
  rebuild,
];
