import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const SERVICES =
  'for unit in systemd-timesyncd chrony chronyd ntp ntpsec openntpd; do systemctl -q is-active $unit && echo $unit; done; :';

export const time: GuestCheck = {
  kind: 'guest',
  name: 'time',
  protects: 'The clock of the server is kept right, without which certificates and logs are worth nothing.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [SERVICES],
  async run(guest) {
    const active = await askedLines(guest, SERVICES);
    if (active.length === 0) {
      throw new CheckError('nothing keeps the time', { advice: 'install systemd-timesyncd or chrony' });
    }
    return `${active.join(' and ')} keeps the time`;
  },
};
