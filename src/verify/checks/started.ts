import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { GuestUnderTest } from '../types.ts';
import { FAILED_UNITS, requireNoFailedUnit } from './units.ts';

/** The kernel's word on who started it. */
const FIRMWARE = '[ -d /sys/firmware/efi ] && echo UEFI || echo BIOS';

/** What a guest is asked that was to be started by a firmware. */
export const STARTED: readonly string[] = [FIRMWARE, FAILED_UNITS];

/** @throws CheckError when another firmware started the guest, or it did not come up whole under this one */
export async function requireStarted(guest: GuestUnderTest, firmware: 'BIOS' | 'UEFI'): Promise<void> {
  const by = await asked(guest, FIRMWARE);
  if (by !== firmware) throw new CheckError(`the kernel was started by ${by}, not ${firmware}`);
  const { status, detail } = guest.cloudInit;
  if (status === 'error') throw new CheckError(`cloud-init failed: ${detail}`);
  await requireNoFailedUnit(guest);
}
