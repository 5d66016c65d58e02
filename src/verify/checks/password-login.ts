import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lastLines } from '../../host/process.ts';
import type { GuestCheck } from '../types.ts';

const PASSWORDS = ['password', 'keyboard-interactive'];
const PATIENCE = 30_000;

export const passwordLogin: GuestCheck = {
  kind: 'guest',
  name: 'password-login',
  protects: 'No password opens the server over the network: only keys do.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const { status, stderr } = await machine.ssh('true', { keyless: true, timeout: PATIENCE });
    if (status === 0) throw new CheckError('sshd lets the default user in without a key');
    const offered = /Permission denied \(([^)]*)\)/.exec(stderr)?.[1];
    if (offered === undefined) {
      throw new CheckError(`sshd does not say what it would take: ${clean(lastLines(stderr, 1))}`);
    }
    const methods = offered.split(',').filter(method => PASSWORDS.includes(method));
    if (methods.length === 0) return `without a key sshd offers ${clean(offered)} only`;
    throw new CheckError(`sshd takes passwords: it offers ${clean(offered)}`, {
      advice: 'PasswordAuthentication no, and KbdInteractiveAuthentication no',
    });
  },
};
