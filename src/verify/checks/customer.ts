import type { GuestCheck } from '../types.ts';
import { STATE } from './restarted.ts';
import { upgradeAndRestart } from './upgraded.ts';

export const customer: GuestCheck = {
  kind: 'guest',
  name: 'customer',
  protects:
    'A server that its customer upgrades, kernel and boot loader too, is back after a reboot as it was before.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  restarts: true,
  asks: () => STATE,
  run: upgradeAndRestart,
};
