import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const ENTRY = 'getent shadow root';

export const rootPassword: GuestCheck = {
  kind: 'guest',
  name: 'root-password',
  protects: 'Nobody logs in as root with a password that came with the image, or with none at all.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [ENTRY],
  async run(guest) {
    const entry = await asked(guest, ENTRY);
    const [name, field] = entry.split(':');
    if (name !== 'root' || field === undefined) throw new CheckError('root has no entry in /etc/shadow');
    if (field === '') throw new CheckError("root's password is empty: anybody may log in");
    // The field itself stays out of the message: it may be a hash.
    if (!/^[!*]/.test(field))
      throw new CheckError('root has a password', { advice: 'lock it: passwd -l root' });
    return "root's password is locked";
  },
};
