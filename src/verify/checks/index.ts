import type { Check } from '../types.ts';
import { address } from './address.ts';
import { consoleLog } from './console.ts';
import { images } from './images.ts';
import { resolver } from './resolver.ts';
import { rootGrows } from './root-grows.ts';
import { rootPassword } from './root-password.ts';
import { running } from './running.ts';
import { ssh } from './ssh.ts';
import { userData } from './user-data.ts';

/** Every check there is, in the order in which they run and are told of. */
export const CHECKS: readonly Check[] = [
  images,
  running,
  address,
  ssh,
  userData,
  resolver,
  rootPassword,
  rootGrows,
  consoleLog,
];
