import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lastLines } from '../../host/process.ts';
import type { GuestCheck } from '../types.ts';

/** cloud-init's answer to root's key comes after ten seconds. */
const PATIENCE = 60_000;
const SSH_FAILED = 255;

export const rootLogin: GuestCheck = {
  kind: 'guest',
  name: 'root-login',
  protects: 'Nobody logs in as root over the network, not even with the key of the default user.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const { status, stdout, stderr } = await machine.ssh('id -u', { user: 'root', timeout: PATIENCE });
    if (stdout.trim() === '0' || status === 0) {
      throw new CheckError('the key of the default user opens root', { advice: 'PermitRootLogin no' });
    }
    const answer = clean(lastLines(stdout, 1) || lastLines(stderr, 1));
    // ssh's own failure says nothing of root, unless it was sshd that said no.
    if (status === SSH_FAILED && !/Permission denied/.test(stderr)) {
      throw new CheckError(`sshd does not say what it makes of root: ${answer}`);
    }
    return `root is turned away: ${answer}`;
  },
};
