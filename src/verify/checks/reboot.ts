import { CheckError } from '../../host/errors.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { said } from './said.ts';

const MARK = '/var/tmp/image-factory-reboot';

export const reboot: GuestCheck = {
  kind: 'guest',
  name: 'reboot',
  protects: 'A server that a customer reboots comes back, with its files and reachable as before.',
  severity: 'required',
  places: ['cloud'],
  alone: true,
  async run({ machine }) {
    if (machine.cloud === undefined) throw new NotApplicable('the machine is not in a cloud');
    await said(machine, `touch ${MARK} && sync`);
    await machine.cloud.reboot();
    const { status } = await machine.ssh(`test -e ${MARK}`);
    if (status !== 0) throw new CheckError(`after the reboot ${MARK}, written before it, is not there`);
    return 'rebooted by the API, it lets its user in again and has its files';
  },
};
