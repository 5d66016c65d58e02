import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { GuestCheck } from '../types.ts';
import { requireStarted, STARTED } from './started.ts';

/** The firmware's own word, behind four bytes of attributes; empty where there is no UEFI. */
const ENFORCED =
  'od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c || :';
const LOCKDOWN = 'cat /sys/kernel/security/lockdown 2> /dev/null || :';

export const secureBoot: GuestCheck = {
  kind: 'guest',
  name: 'secure-boot',
  protects: 'The image boots where firmware takes nothing but what a known key signed, and its kernel knows.',
  severity: 'required',
  places: ['runner'],
  boot: 'secure-boot',
  asks: () => [ENFORCED, LOCKDOWN, ...STARTED],
  async run(guest) {
    await requireStarted(guest, 'UEFI');
    const word = await asked(guest, ENFORCED);
    if (word.trim() !== '1') throw new CheckError('the firmware did not enforce signatures at this boot');
    const lockdown = /\[(\w+)\]/.exec(await asked(guest, LOCKDOWN))?.[1] ?? 'none';
    if (lockdown === 'none')
      throw new CheckError('the kernel is not locked down, and loads what nobody signed');
    return `signatures were enforced, and the kernel is locked down (${lockdown})`;
  },
};
