import { CheckError } from '../../host/errors.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { SCRIPTED, VENDOR_DATA } from '../user-data.ts';
import { reading, requireSource, requireWritten, SOURCE } from './drive-metadata.ts';

const WRITTEN = { [SCRIPTED]: 'user-data that is a script', [VENDOR_DATA]: 'vendor-data' };

export const serviceMetadata: GuestCheck = {
  kind: 'guest',
  name: 'service-metadata',
  protects:
    'A server takes name, key, vendor-data and a script as user-data from the metadata service of an OpenStack.',
  severity: 'required',
  places: ['runner'],
  boot: 'service',
  asks: () => [SOURCE, ...Object.keys(WRITTEN).map(reading)],
  async run(guest) {
    const { told } = guest.machine;
    if (told?.asked === undefined) throw new NotApplicable('this machine has no metadata service');
    await requireSource(guest, ['openstack']);
    await requireWritten(guest, WRITTEN);
    const paths = told.asked();
    const missed = ['meta_data.json', 'user_data'].find(
      name => !paths.some(path => path.endsWith(`/${name}`)),
    );
    if (missed !== undefined) throw new CheckError(`the metadata service was not asked for ${missed}`);
    return `it asked the metadata service ${paths.length} things; script and vendor-data were carried out`;
  },
};
