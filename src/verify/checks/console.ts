import { phaseOf, systemSpoke } from '../../boot/phases.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { GuestCheck } from '../types.ts';

export const consoleLog: GuestCheck = {
  kind: 'guest',
  name: 'console',
  protects: 'When a server does not come up, its console log tells a customer why.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const text = await machine.console();
    const lines = text.split('\n').filter(line => clean(line).trim() !== '');
    if (lines.length === 0) throw new CheckError('the console log is empty', { advice: ADVICE });
    if (!systemSpoke(text)) {
      throw new CheckError(`the console log ends with the ${phaseOf(text)}: no line of the system is in it`, {
        advice: ADVICE,
      });
    }
    const prompt = /^\S+ login:/m.test(lines.map(clean).join('\n')) ? 'with' : 'without';
    return `${lines.length} lines, ${prompt} a login prompt`;
  },
};

const ADVICE = 'the kernel needs console=ttyS0, and the image a getty on ttyS0';
