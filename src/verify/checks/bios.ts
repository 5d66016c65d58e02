import type { GuestCheck } from '../types.ts';
import { requireStarted, STARTED } from './started.ts';

export const bios: GuestCheck = {
  kind: 'guest',
  name: 'bios',
  protects:
    'The image starts where a cloud has a BIOS, from the first sector of its disk to the last of its units.',
  severity: 'required',
  places: ['runner'],
  boot: 'bios',
  asks: () => STARTED,
  async run(guest) {
    await requireStarted(guest, 'BIOS');
    return 'BIOS started it, cloud-init finished, and no unit has failed';
  },
};
