import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import { asRoot } from '../facts.ts';
import { awaitRestart, bootId } from '../restart.ts';
import type { GuestUnderTest } from '../types.ts';
import { USER_DATA } from '../user-data.ts';
import { FAILED_UNITS, failedUnits } from './units.ts';

const PATIENCE = 60_000;

/** What must be the same after a restart, by what a person calls it. */
const SAME: Readonly<Record<string, string>> = {
  address: "ip -4 -o addr show scope global | sed 's/ *\\\\.*//'",
  mounts: 'findmnt --real -rno TARGET,SOURCE,FSTYPE | sort',
  resolver: 'cat /run/systemd/resolve/resolv.conf 2> /dev/null || cat /etc/resolv.conf',
  'host keys': 'cat /etc/ssh/ssh_host_*_key.pub',
};

/** What a guest is asked to know its state. */
export const STATE: readonly string[] = [...Object.values(SAME), FAILED_UNITS];

export interface State {
  /** What it answered, by what a person calls it. */
  readonly same: ReadonlyMap<string, string>;
  readonly failed: readonly string[];
}

/** It lies in memory, and only the first boot of an instance carries user-data out. */
const FIRST_BOOT = `ls ${USER_DATA} 2> /dev/null; true`;

export async function stateOf(guest: GuestUnderTest): Promise<State> {
  const same = new Map<string, string>();
  for (const [name, command] of Object.entries(SAME)) same.set(name, await asked(guest, command));
  return { same, failed: await failedUnits(guest) };
}

/**
 * Starts the guest anew, and sees that it is as before.
 * @returns what was seen
 * @throws CheckError when it does not come back, or as another
 */
export async function restartAs(before: State, guest: GuestUnderTest): Promise<string> {
  const { answers: _, ...anew } = guest;
  const { machine } = guest;
  const earlier = await bootId(machine);
  // The connection may end before the answer comes.
  await machine.ssh(asRoot('systemctl reboot'), { timeout: PATIENCE });
  const seconds = await awaitRestart(anew, earlier);
  const after = await stateOf(anew);
  const names = [...before.same.keys()];
  const changed = names.filter(name => before.same.get(name) !== after.same.get(name));
  if (changed.length > 0) throw new CheckError(`after a reboot it has another ${changed.join(', another ')}`);
  if ((await asked(anew, FIRST_BOOT)) !== '')
    throw new CheckError('after a reboot cloud-init took it for a new instance, and ran user-data again');
  const failed = after.failed.filter(unit => !before.failed.includes(unit));
  if (failed.length > 0) throw new CheckError(`after a reboot ${failed.join(', ')} failed`);
  return `back after ${seconds.toFixed(1)} s with the same ${names.join(', ')}`;
}
