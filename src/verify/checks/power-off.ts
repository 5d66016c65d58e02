import { whereItStopped } from '../../boot/phases.ts';
import { CheckError } from '../../host/errors.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const POLL = 500;
/** Longer than systemd gives a service to stop. */
const PATIENCE = 120_000;

export const powerOff: GuestCheck = {
  kind: 'guest',
  name: 'power-off',
  protects:
    'The power button of a cloud shuts the server down in order, within the time that a cloud gives it.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  async run({ context, machine }) {
    if (machine.hardware === undefined) throw new NotApplicable('the power button is out of reach');
    const start = context.now().getTime();
    await machine.hardware.powerButton();
    const seconds = () => (context.now().getTime() - start) / 1000;
    for (;;) {
      const status = await machine.status();
      if (status === 'ended: QEMU ended with status 0') return `off after ${seconds().toFixed(1)} s`;
      if (status.startsWith('ended')) throw new CheckError(`the machine ${status}`);
      if (seconds() * 1000 >= PATIENCE) {
        const stopped = whereItStopped(await machine.console());
        throw new CheckError(`still on ${PATIENCE / 1000} s after the power button: ${stopped}`, {
          advice: 'the guest needs systemd-logind, or acpid',
        });
      }
      await context.sleep(POLL);
    }
  },
};
