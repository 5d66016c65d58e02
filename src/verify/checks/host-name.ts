import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const NAME = 'hostname';

export const hostName: GuestCheck = {
  kind: 'guest',
  name: 'host-name',
  protects: 'The server bears the name that its customer gave it.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [NAME],
  async run(guest) {
    const { told } = guest.machine;
    if (told === undefined) throw new NotApplicable('which name this place hands out is not known');
    const name = await asked(guest, NAME);
    if (name === told.hostName) return `its name is ${name}`;
    throw new CheckError(`its name is ${clean(name)}, not ${told.hostName}`);
  },
};
