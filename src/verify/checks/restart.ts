import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import { asRoot } from '../facts.ts';
import { awaitRestart, bootId } from '../restart.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';

const PATIENCE = 60_000;

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
    'After a reboot the server is there again: same address, same file systems, same resolver, same keys.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  asks: () => Object.values(SAME),
  async run(guest) {
    const before = await state(guest);
    const earlier = await bootId(guest.machine);
    // The connection may end before the answer comes.
    await guest.machine.ssh(asRoot('systemctl reboot'), { timeout: PATIENCE });
    const seconds = await awaitRestart(guest, earlier);
    const { answers: _, ...anew } = guest;
    const after = await state(anew);
    const changed = Object.keys(SAME).filter(name => before[name] !== after[name]);
    if (changed.length === 0)
      return `back after ${seconds.toFixed(1)} s with the same ${Object.keys(SAME).join(', ')}`;
    throw new CheckError(`after a reboot it has another ${changed.join(', another ')}`);
  },
};

async function state(guest: GuestUnderTest): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, command] of Object.entries(SAME)) found[name] = await asked(guest, command);
  return found;
}
