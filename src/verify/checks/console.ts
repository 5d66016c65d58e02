import { kernelSpoke, phaseOf, systemSpoke } from '../../boot/phases.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';

export const consoleLog: GuestCheck = {
  kind: 'guest',
  name: 'console',
  protects: 'When a server does not come up, its console log tells a customer why.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run(guest) {
    const text = await guest.machine.console();
    const lines = text.split('\n').filter(line => clean(line).trim() !== '');
    if (lines.length === 0) throw new CheckError('the console log is empty', { advice: ADVICE });
    if (!systemSpoke(text)) {
      throw new CheckError(`the console log ends with the ${phaseOf(text)}: no line of the system is in it`, {
        advice: ADVICE,
      });
    }
    if (!kernelSpoke(text)) await requireSerialConsole(guest);
    const prompt = /^\S+ login:/m.test(lines.map(clean).join('\n')) ? 'with' : 'without';
    return `${lines.length} lines, ${prompt} a login prompt`;
  },
};

/** A kernel may be told to be quiet, and yet write there what goes wrong. @throws CheckError when it never would */
async function requireSerialConsole(guest: GuestUnderTest): Promise<void> {
  const active = clean(await asked(guest, ACTIVE));
  if (SERIAL.test(active)) return;
  throw new CheckError(`the kernel writes to ${active || 'no console'}, and so not to the console log`, {
    advice: ADVICE,
  });
}

const ACTIVE = 'cat /sys/class/tty/console/active';
const SERIAL = /\b(?:ttyS|ttyAMA|hvc)\d/;
const ADVICE = 'the kernel needs console=ttyS0, and the image a getty on ttyS0';
