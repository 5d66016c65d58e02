import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { VENDOR_DATA } from '../user-data.ts';

const READ = `head -c 4096 ${VENDOR_DATA}`;

export const vendorData: GuestCheck = {
  kind: 'guest',
  name: 'vendor-data',
  protects: "What the operator of a cloud hands to every server reaches it beside the customer's user-data.",
  severity: 'required',
  places: ['runner', 'store'],
  asks: () => [READ],
  async run(guest) {
    if (guest.machine.told === undefined) throw new NotApplicable('this place has vendor-data of its own');
    const text = await asked(guest, READ);
    if (text === guest.nonce) return 'vendor-data was carried out beside user-data';
    throw new CheckError(`${VENDOR_DATA} does not hold what vendor-data wrote there`);
  },
};
