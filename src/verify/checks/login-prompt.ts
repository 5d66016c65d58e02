import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { GuestCheck } from '../types.ts';

const POLL = 500;
/** cloud-init may be done before the prompt is there, on a busy host for a while. */
const TRIES = 120;

export const loginPrompt: GuestCheck = {
  kind: 'guest',
  name: 'login-prompt',
  protects: 'A server that started shows its login prompt on the console, where a locked-out customer goes.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ context, machine }) {
    for (let tries = 0; tries < TRIES; tries++) {
      const text = (await machine.console()).split('\n').map(clean).join('\n');
      const prompt = /^\S+ login:/m.exec(text);
      if (prompt !== null) return `the console shows ${JSON.stringify(prompt[0])}`;
      await context.sleep(POLL);
    }
    throw new CheckError('the console shows no login prompt', { advice: 'enable serial-getty@ttyS0' });
  },
};
