import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import { asRoot } from '../facts.ts';
import { awaitRestart, bootId } from '../restart.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';
import { rootSize } from './root-grows.ts';

const PATIENCE = 60_000;
const MIB = 1024 ** 2;
/** What a disk grows by, and how much of it reaches the filesystem at least. */
const MORE = 1024 * MIB;
const SHARE = 0.85;

/** What must be the same after it, by what a person calls it. */
const SAME: Readonly<Record<string, string>> = {
  address: "ip -4 -o addr show scope global | sed 's/ *\\\\.*//'",
  mounts: 'findmnt --real -rno TARGET,SOURCE,FSTYPE | sort',
  resolver: 'cat /run/systemd/resolve/resolv.conf 2> /dev/null || cat /etc/resolv.conf',
  'host keys': 'cat /etc/ssh/ssh_host_*_key.pub',
};

export const restart: GuestCheck = {
  kind: 'guest',
  name: 'restart',
  protects:
    'After a reboot all is there as before, and the root fills a disk that was made larger meanwhile.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  restarts: true,
  asks: () => Object.values(SAME),
  async run(guest) {
    const before = await state(guest);
    const { answers: _, ...anew } = guest;
    const size = await rootSize(anew);
    await guest.machine.hardware?.enlarge(guest.diskSize + MORE);
    const earlier = await bootId(guest.machine);
    // The connection may end before the answer comes.
    await guest.machine.ssh(asRoot('systemctl reboot'), { timeout: PATIENCE });
    const seconds = await awaitRestart(guest, earlier);
    const after = await state(anew);
    const changed = Object.keys(SAME).filter(name => before[name] !== after[name]);
    if (changed.length > 0)
      throw new CheckError(`after a reboot it has another ${changed.join(', another ')}`);
    const told = `back after ${seconds.toFixed(1)} s with the same ${Object.keys(SAME).join(', ')}`;
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

async function state(guest: GuestUnderTest): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, command] of Object.entries(SAME)) found[name] = await asked(guest, command);
  return found;
}
