import type { Firmware } from '../boot/types.ts';
import type { Disk } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { diskPlan } from '../image/plan.ts';
import { firmwaresOf } from '../image/volume.ts';
import { ownFirmware } from './boot-plan.ts';
import type { SuiteRequest } from './suite.ts';
import { judgeGuest } from './test-guest.ts';
import { type CheckResult, type GuestCheck, NotApplicable } from './types.ts';

const WHY = 'the disk has no boot loader for this firmware, as its layout says';

/** @returns the checks that the image's disk can be booted for, and the results of the others */
export async function byFirmware(
  context: Context,
  request: SuiteRequest,
  checks: readonly GuestCheck[],
): Promise<{ fit: readonly GuestCheck[]; unfit: readonly CheckResult[] }> {
  const { disk } = request.bundle.line;
  const fit = checks.filter(check => isMadeFor(disk, ownFirmware(check)));
  const others = checks.filter(check => !fit.includes(check));
  const refuse = () => Promise.reject(new NotApplicable(WHY));
  const unfit = await Promise.all(others.map(check => judgeGuest(context, request, check, refuse)));
  return { fit, unfit };
}

function isMadeFor(disk: Disk, firmware: Firmware | undefined): boolean {
  if (firmware === undefined) return true;
  const { bios, uefi } = firmwaresOf(diskPlan(disk));
  return firmware === 'bios' ? bios : uefi;
}
