import { CheckError } from '../../host/errors.ts';
import type { GuestCheck } from '../types.ts';

export const running: GuestCheck = {
  kind: 'guest',
  name: 'running',
  protects: 'A customer who starts a server gets one that runs, and not one that stops or hangs at once.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const status = await machine.status();
    if (status === 'running') return `the monitor says running, under ${machine.accelerator}`;
    throw new CheckError(`the monitor says ${status}, not running`);
  },
};
