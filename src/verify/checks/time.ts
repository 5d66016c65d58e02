import { CheckError } from '../../host/errors.ts';
import { asked, askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const KEEPERS = ['systemd-timesyncd', 'chrony', 'chronyd', 'ntp', 'ntpsec', 'openntpd'];
const SERVICES = `systemctl list-units --state=active --plain --no-legend ${KEEPERS.map(name => `${name}.service`).join(' ')}`;

/** Said by timesyncd itself; of the others the kernel's clock tells. A first answer may take some seconds. */
const SET =
  'for i in 1 2 3 4 5 6 7 8; do test -e /run/systemd/timesync/synchronized || timedatectl show -p NTPSynchronized --value | grep -q yes && echo set && break; sleep 2; done; :';

export const time: GuestCheck = {
  kind: 'guest',
  name: 'time',
  protects: 'The clock of the server is kept right, without which certificates and logs are worth nothing.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: ({ machine: { network } }) => (network === undefined ? [SERVICES] : [SERVICES, SET]),
  async run(guest) {
    const active = (await askedLines(guest, SERVICES)).map(line => line.split('.service')[0] ?? '');
    if (active.length === 0) {
      throw new CheckError('nothing keeps the time', { advice: 'install systemd-timesyncd or chrony' });
    }
    const who = active.join(' and ');
    const { network } = guest.machine;
    if (network === undefined) return `${who} keeps the time`;
    const told = network.timesTold();
    if ((await asked(guest, SET)) !== 'set') {
      throw new CheckError(`${who} runs, and did not set the clock`, {
        advice: `it asked time servers ${told} times; does it know one?`,
      });
    }
    return `${who} set the clock, ${told > 0 ? 'by a server of its network' : 'by a source that is no server'}`;
  },
};
