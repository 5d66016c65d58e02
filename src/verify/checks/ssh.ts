import { CheckError } from '../../host/errors.ts';
import type { GuestCheck } from '../types.ts';
import { said } from './said.ts';

export const ssh: GuestCheck = {
  kind: 'guest',
  name: 'ssh',
  protects: 'The key that a customer names opens the default user, who may become root without a password.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine, userName }) {
    const who = await said(machine, 'id -un');
    if (who !== userName) throw new CheckError(`the user is ${who}, not ${userName}`);
    const sudo = await machine.ssh('sudo -n true');
    if (sudo.status !== 0) {
      throw new CheckError(`sudo asks ${userName} for a password (status ${sudo.status})`, {
        advice: 'cloud-init gives its default user NOPASSWD; look at /etc/sudoers.d in the image',
      });
    }
    return `${userName} is in with the key of this run, and sudo asks for no password`;
  },
};
