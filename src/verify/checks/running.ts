import { CheckError } from '../../host/errors.ts';
import type { Check } from '../types.ts';

export const running: Check = {
  name: 'running',
  protects: 'A customer who starts a server gets one that runs, and not one that stops or hangs at once.',
  async run({ machine }) {
    const status = await machine.status();
    if (status === 'running') return `the monitor says running, under ${machine.accelerator}`;
    throw new CheckError(`the monitor says ${status}, not running`);
  },
};
