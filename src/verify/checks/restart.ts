import { CheckError } from '../../host/errors.ts';
import type { GuestCheck } from '../types.ts';
import { restartAs, STATE, stateOf } from './restarted.ts';
import { rootSize } from './root-grows.ts';

const MIB = 1024 ** 2;
/** What a disk grows by, and how much of it reaches the filesystem at least. */
const MORE = 1024 * MIB;
const SHARE = 0.85;

export const restart: GuestCheck = {
  kind: 'guest',
  name: 'restart',
  protects:
    'After a reboot all is there as before, and the root fills a disk that was made larger meanwhile.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  restarts: true,
  asks: () => STATE,
  async run(guest) {
    const before = await stateOf(guest);
    const { answers: _, ...anew } = guest;
    const size = await rootSize(anew);
    await guest.machine.hardware?.enlarge(guest.diskSize + MORE);
    const told = await restartAs(before, guest);
    if (guest.machine.hardware === undefined) return told;
    const grown = (await rootSize(anew)) - size;
    if (grown >= MORE * SHARE) return `${told}, and a root that grew with its disk`;
    throw new CheckError(
      `the disk was made ${MORE / MIB} MiB larger, and its root ${Math.round(grown / MIB)} MiB`,
      {
        advice: 'cloud-init grows the root at every boot, unless growpart is off',
      },
    );
  },
};
