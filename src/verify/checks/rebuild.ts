import { CheckError } from '../../host/errors.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { USER_DATA, userData } from '../user-data.ts';
import { said } from './said.ts';

const MARK = '/var/tmp/image-factory-rebuild';
/** Milliseconds. */
const CLOUD_INIT = 300_000;

export const rebuild: GuestCheck = {
  kind: 'guest',
  name: 'rebuild',
  protects:
    'A server that a customer rebuilds starts from the image again, with his key and his new user-data.',
  severity: 'required',
  places: ['cloud'],
  alone: true,
  async run({ machine, nonce }) {
    if (machine.cloud === undefined) throw new NotApplicable('the machine is not in a cloud');
    await said(machine, `touch ${MARK} && sync`);
    const other = [...nonce].toReversed().join('');
    await machine.cloud.rebuild(userData(other));
    await machine.ssh('cloud-init status --wait', { timeout: CLOUD_INIT });
    const { status } = await machine.ssh(`test -e ${MARK}`);
    if (status === 0) throw new CheckError(`after the rebuild ${MARK}, written before it, is still there`);
    const text = await said(machine, `head -c 4096 ${USER_DATA}`);
    if (text !== other) throw new CheckError('after the rebuild its new user-data was not carried out');
    return 'rebuilt by the API, it is the image again, with the key and the new user-data';
  },
};
