import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';
import { SCRIPTED, USER_DATA, VENDOR_DATA } from '../user-data.ts';

/** The file is read at once; the command, which old ones have alone, takes seconds. */
export const SOURCE = 'cat /run/cloud-init/cloud-id 2> /dev/null || cloud-id';
/** Who writes each file, as messages call it. */
const WRITTEN: Readonly<Record<string, string>> = {
  [USER_DATA]: 'the cloud-config in packed, multipart user-data',
  [SCRIPTED]: 'the script in packed, multipart user-data',
  [VENDOR_DATA]: 'vendor-data',
};

export const driveMetadata: GuestCheck = {
  kind: 'guest',
  name: 'drive-metadata',
  protects:
    'A server takes name, key, vendor-data and user-data, of several parts and packed, from a config drive.',
  severity: 'required',
  places: ['runner'],
  boot: 'drive',
  asks: () => [SOURCE, ...Object.keys(WRITTEN).map(reading)],
  async run(guest) {
    await requireSource(guest, ['configdrive', 'openstack']);
    await requireWritten(guest, WRITTEN);
    return 'cloud-config, script and vendor-data of its config drive were carried out';
  },
};

/** @throws CheckError when cloud-init took its data from elsewhere */
export async function requireSource(guest: GuestUnderTest, expected: readonly string[]): Promise<void> {
  const source = clean(await asked(guest, SOURCE));
  if (!expected.includes(source)) throw new CheckError(`cloud-init took its data from ${source}`);
}

/** @throws CheckError for the first file that does not hold the nonce */
export async function requireWritten(
  guest: GuestUnderTest,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [file, who] of Object.entries(files)) {
    if ((await asked(guest, reading(file))) !== guest.nonce) {
      throw new CheckError(`${who} was not carried out: ${file} does not hold what it writes`);
    }
  }
}

/** The command that tells such a file, empty when it is not there. */
export function reading(file: string): string {
  return `head -c 4096 ${file} 2> /dev/null || :`;
}
