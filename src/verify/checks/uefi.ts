import type { GuestCheck } from '../types.ts';
import { requireStarted, STARTED } from './started.ts';

export const uefi: GuestCheck = {
  kind: 'guest',
  name: 'uefi',
  protects: 'The image starts where a cloud has UEFI, from the loader on its ESP to the last of its units.',
  severity: 'required',
  places: ['runner'],
  boot: 'uefi',
  asks: () => STARTED,
  async run(guest) {
    await requireStarted(guest, 'UEFI');
    return 'UEFI started it, cloud-init finished, and no unit has failed';
  },
};
