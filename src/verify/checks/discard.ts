import { CheckError } from '../../host/errors.ts';
import { asRoot } from '../facts.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const MIB = 1024 ** 2;
const WRITTEN = 16;
/** MiB: of what was deleted, some blocks may be taken again before the trim, by a log or another process. */
const LEAST = 15;
const FILE = '/var/tmp/image-factory-discard';
const PATIENCE = 120_000;
const COMMAND = `head -c ${WRITTEN}M /dev/zero > ${FILE} && sync && rm ${FILE} && sync && fstrim /`;

export const discard: GuestCheck = {
  kind: 'guest',
  name: 'discard',
  protects: 'What a customer deletes is given back to the storage that holds his disk.',
  severity: 'required',
  places: ['runner', 'store'],
  async run({ machine }) {
    const { hardware } = machine;
    if (hardware === undefined) throw new NotApplicable('the disk cannot be seen from outside');
    const before = await hardware.discarded();
    const { status, stderr } = await machine.ssh(asRoot(COMMAND), { timeout: PATIENCE });
    if (status !== 0)
      throw new CheckError(`fstrim ended with status ${status}: ${stderr.trim().slice(0, 200)}`);
    const given = (await hardware.discarded()) - before;
    if (given >= LEAST * MIB)
      return `after ${WRITTEN} MiB were deleted, ${Math.round(given / MIB)} MiB came back`;
    throw new CheckError(
      `of ${WRITTEN} MiB that were deleted, ${Math.round(given / MIB)} MiB reached the disk`,
    );
  },
};
