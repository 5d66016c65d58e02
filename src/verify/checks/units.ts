import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const FAILED = 'systemctl list-units --state=failed --no-legend --plain --no-pager';
const MOST = 10;

export const units: GuestCheck = {
  kind: 'guest',
  name: 'units',
  protects: 'Everything that the server starts by itself has started: no unit has failed.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [FAILED],
  async run(guest) {
    const failed = await askedLines(guest, FAILED);
    if (failed.length === 0) return 'no unit has failed';
    const names = failed.map(line => line.split(/\s+/)[0] ?? '').slice(0, MOST);
    throw new CheckError(`${failed.length} failed: ${names.join(', ')}`, {
      advice: 'see systemctl status of each',
    });
  },
};
