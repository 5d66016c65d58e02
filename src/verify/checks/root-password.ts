import { CheckError } from '../../host/errors.ts';
import type { GuestCheck } from '../types.ts';
import { said } from './said.ts';

export const rootPassword: GuestCheck = {
  kind: 'guest',
  name: 'root-password',
  protects: 'Nobody logs in as root with a password that came with the image, or with none at all.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const entry = await said(machine, 'sudo -n getent shadow root');
    const [name, field] = entry.split(':');
    if (name !== 'root' || field === undefined) throw new CheckError('root has no entry in /etc/shadow');
    if (field === '') throw new CheckError("root's password is empty: anybody may log in");
    // The field itself stays out of the message: it may be a hash.
    if (!/^[!*]/.test(field))
      throw new CheckError('root has a password', { advice: 'lock it: passwd -l root' });
    return "root's password is locked";
  },
};
