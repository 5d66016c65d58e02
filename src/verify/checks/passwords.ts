import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const SHADOW = 'getent shadow';

export const passwords: GuestCheck = {
  kind: 'guest',
  name: 'passwords',
  protects: 'No account has an empty password, or one that came with the image.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [SHADOW],
  async run(guest) {
    const entries = (await askedLines(guest, SHADOW)).map(line => line.split(':'));
    const { name: owner, passwordHash } = guest.logins;
    const open = entries.filter(([, hash]) => hash === '').map(([name]) => name);
    // The hashes themselves stay out of every message.
    const set = entries.filter(
      ([name, hash = '']) =>
        /^[^!*]/.test(hash) && hash !== 'x' && !(name === owner && hash === passwordHash),
    );
    if (open.length > 0) throw new CheckError(`an empty password opens ${open.join(', ')}`);
    if (set.length === 0)
      return `${entries.length} accounts, no password that the factory file does not name`;
    throw new CheckError(`the image has a password for ${set.map(([name]) => name).join(', ')}`);
  },
};
