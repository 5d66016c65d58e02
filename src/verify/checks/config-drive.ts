import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

export const configDrive: GuestCheck = {
  kind: 'guest',
  name: 'config-drive',
  protects:
    'A server without a network, or in a cloud without a metadata service, is set up by its config drive.',
  severity: 'required',
  places: ['cloud'],
  alone: true,
  async run({ machine }) {
    if (machine.cloud === undefined) throw new NotApplicable('the machine is not in a cloud');
    const source = clean(await machine.cloud.configDrive());
    if (source === 'configdrive' || source === 'openstack') {
      return `a server without a network carried its user-data out; cloud-init calls its source ${source}`;
    }
    throw new CheckError(`without a network, cloud-init took its data from ${source}`);
  },
};
