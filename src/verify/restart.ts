import { assertAlive } from '../boot/alive.ts';
import type { Machine } from '../boot/types.ts';
import { CheckError } from '../host/errors.ts';
import { Patience } from './patience.ts';
import type { GuestUnderTest } from './types.ts';

const POLL = 1000;
const TRY = 15_000;
const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';

/** Another one with every boot. */
export async function bootId(machine: Machine): Promise<string> {
  return (await machine.ssh(BOOT_ID)).stdout.trim();
}

/**
 * Waits until the guest that was told to start anew answers again and cloud-init has finished.
 * @param earlier the id of the boot before
 * @returns seconds
 * @throws CheckError when it does not come back within the budget of a boot
 */
export async function awaitRestart(guest: GuestUnderTest, earlier: string): Promise<number> {
  const { context, machine, budget } = guest;
  const patience = new Patience(context, machine, budget, context.now());
  while (!(await isAnother(machine, earlier))) {
    await assertAlive(machine);
    const end = await patience.end();
    if (end) throw new CheckError(`it is not back ${end.seconds} s after its reboot: ${end.stopped}`);
    await context.sleep(POLL);
  }
  await machine.ssh('cloud-init status --wait', {
    timeout: Math.max(TRY, budget - patience.spent),
  });
  return patience.spent / 1000;
}

async function isAnother(machine: Machine, earlier: string): Promise<boolean> {
  try {
    const { status, stdout } = await machine.ssh(BOOT_ID, { fresh: true, timeout: TRY });
    return status === 0 && stdout.trim() !== earlier;
  } catch (error) {
    if (error instanceof CheckError) return false;
    throw error;
  }
}
