import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const STATE = 'findmnt -no OPTIONS /; cat /sys/fs/ext4/*/errors_count 2>/dev/null; :';

export const rootFilesystem: GuestCheck = {
  kind: 'guest',
  name: 'root-filesystem',
  protects: 'The root filesystem is whole and can be written.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [STATE],
  async run(guest) {
    const [options = '', ...counts] = await askedLines(guest, STATE);
    if (!options.split(',').includes('rw')) throw new CheckError(`the root filesystem is mounted ${options}`);
    const errors = counts.map(Number).reduce((sum, each) => sum + each, 0);
    if (errors === 0) return `mounted ${options}, no error was seen in ${counts.length}`;
    throw new CheckError(`the kernel saw ${errors} errors in a filesystem`, {
      advice: 'run e2fsck on the image',
    });
  },
};
