import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';

export const FAILED_UNITS = 'systemctl list-units --state=failed --no-legend --plain --no-pager';
const MOST = 10;

export const units: GuestCheck = {
  kind: 'guest',
  name: 'units',
  protects: 'Everything that the server starts by itself has started: no unit has failed.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [FAILED_UNITS],
  async run(guest) {
    await requireNoFailedUnit(guest);
    return 'no unit has failed';
  },
};

/** @throws CheckError that names those that have failed */
export async function requireNoFailedUnit(guest: GuestUnderTest): Promise<void> {
  const failed = await failedUnits(guest);
  if (failed.length === 0) return;
  throw new CheckError(`${failed.length} failed: ${failed.slice(0, MOST).join(', ')}`, {
    advice: 'see systemctl status of each',
  });
}

/** Names of the units that have failed. */
export async function failedUnits(guest: GuestUnderTest): Promise<string[]> {
  return (await askedLines(guest, FAILED_UNITS)).map(line => line.split(/\s+/)[0] ?? '');
}
