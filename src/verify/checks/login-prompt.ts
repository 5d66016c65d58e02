import { assertAlive } from '../../boot/alive.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { GuestCheck } from '../types.ts';

const PROMPT = /^\S+ login:/;
/** cloud-init may be done before the prompt is there, on a busy host for a while. */
const PATIENCE = 60_000;

export const loginPrompt: GuestCheck = {
  kind: 'guest',
  name: 'login-prompt',
  protects: 'A server that started shows its login prompt on the console, where a locked-out customer goes.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ context, machine, bootSeconds }) {
    // Who never came up has had the time of a whole boot.
    const deadline = context.now().getTime() + (bootSeconds === 0 ? 0 : PATIENCE);
    await machine.waitForConsole(PROMPT, deadline, 'the login prompt').catch(async (error: unknown) => {
      if (!(error instanceof CheckError)) throw error;
      await assertAlive(machine);
      throw new CheckError(error.message, { advice: 'enable serial-getty@ttyS0', cause: error });
    });
    const lines = (await machine.console()).split('\n').map(clean);
    const shown = lines.map(line => PROMPT.exec(line)?.[0]).find(prompt => prompt !== undefined);
    return `the console shows ${JSON.stringify(shown)}`;
  },
};
