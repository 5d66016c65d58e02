import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const ADDRESSES = 'ip -4 -o addr show scope global';

export const dhcp: GuestCheck = {
  kind: 'guest',
  name: 'dhcp',
  protects: 'The server takes the address that its network hands out.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [ADDRESSES],
  async run(guest) {
    const { told } = guest.machine;
    if (told === undefined) throw new NotApplicable('which address this place hands out is not known');
    const lines = await askedLines(guest, ADDRESSES);
    const mine = lines.find(line => line.includes(` ${told.address}/`));
    if (mine === undefined) throw new CheckError(`no interface has ${told.address}, which DHCP handed out`);
    if (!/\bdynamic\b/.test(mine)) throw new CheckError(`${told.address} is not from DHCP: ${mine}`);
    return `${mine.split(/\s+/)[1] ?? ''} has ${told.address}, from DHCP`;
  },
};
