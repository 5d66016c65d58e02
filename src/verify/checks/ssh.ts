import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { GuestCheck } from '../types.ts';
import { said } from './said.ts';

/** One session: who one is, and with which status sudo ends. */
const LOOK = 'id -un; sudo -n true; echo $?';

export const ssh: GuestCheck = {
  kind: 'guest',
  name: 'ssh',
  protects: 'The key that a customer names opens the default user, who may become root without a password.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine, userName }) {
    const [who = '', sudo = ''] = (await said(machine, LOOK)).split('\n');
    if (who !== userName) throw new CheckError(`the user is ${clean(who)}, not ${userName}`);
    if (sudo !== '0') {
      throw new CheckError(`sudo asks ${userName} for a password (status ${clean(sudo)})`, {
        advice: 'cloud-init gives its default user NOPASSWD; look at /etc/sudoers.d in the image',
      });
    }
    return `${userName} is in with the key of this run, and sudo asks for no password`;
  },
};
