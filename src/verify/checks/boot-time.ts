import { CheckError } from '../../host/errors.ts';
import type { GuestCheck } from '../types.ts';

/** A busy host makes a boot slower than this by itself, now and then. */
const FACTOR = 1.5;
const SECONDS = 10;

export const bootTime: GuestCheck = {
  kind: 'guest',
  name: 'boot-time',
  protects: 'A server is ready within its budget, and not much later than with the version before.',
  severity: 'warning',
  places: ['runner'],
  async run({ bootSeconds, budget, previousBoot, machine }) {
    // Without an answer there is no time to tell of.
    const { status } = await machine.ssh('true');
    if (status !== 0) throw new CheckError('the guest does not answer');
    const took = `ready after ${bootSeconds.toFixed(1)} s of ${budget / 1000} s`;
    const before = previousBoot?.seconds(machine.accelerator);
    if (before === undefined || previousBoot === undefined)
      return `${took}; no boot of a version before to compare with`;
    const compared = `${took}; ${previousBoot.version} took ${before.toFixed(1)} s`;
    if (bootSeconds <= before * FACTOR + SECONDS) return compared;
    throw new CheckError(compared, { advice: 'the boot chart of the page shows which units take long' });
  },
};
