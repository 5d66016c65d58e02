import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { said } from './said.ts';

const URL = 'http://169.254.169.254/openstack/latest/meta_data.json';

/** Python is there with cloud-init; curl need not be. */
const FETCH = `python3 -c 'import urllib.request; print(urllib.request.urlopen("${URL}", timeout=20).read().decode())'`;

export const metadata: GuestCheck = {
  kind: 'guest',
  name: 'metadata',
  protects: 'A server learns its name, keys and user-data from the metadata service of its cloud.',
  severity: 'required',
  places: ['cloud'],
  async run({ machine }) {
    if (machine.cloud === undefined) throw new NotApplicable('the machine is not in a cloud');
    const { server } = machine.cloud.facts;
    const told = uuidIn(await said(machine, FETCH));
    if (told !== server)
      throw new CheckError(`the metadata service speaks of the server ${told}, not ${server}`);
    const source = await said(machine, 'cloud-id');
    if (source !== 'openstack')
      throw new CheckError(`cloud-init took its data from ${clean(source)}, not OpenStack`);
    return `${URL} knows the server, and cloud-init asked it`;
  },
};

function uuidIn(text: string): string {
  try {
    return clean(String(JSON.parse(text).uuid));
  } catch {
    throw new CheckError(`the metadata service answers ${JSON.stringify(clean(text).slice(0, 80))}`);
  }
}
