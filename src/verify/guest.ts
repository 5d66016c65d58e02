import { assertAlive } from '../boot/alive.ts';
import type { Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { lastLines } from '../host/process.ts';
import { Patience } from './patience.ts';
import type { CloudInitState } from './types.ts';

const POLL = 1000;
const SSH_TRY = 30_000;

export interface BootedGuest {
  /** From power-on to cloud-init finished. */
  readonly bootSeconds: number;
  readonly cloudInit: CloudInitState;
}

/**
 * Waits until the guest lets its default user in and cloud-init has finished.
 * @param budget milliseconds from power-on; a guest that stands still may not do so for all of them
 * @throws CheckError that names the phase in which the guest stopped and the last lines of its console
 */
export async function awaitGuest(context: Context, machine: Machine, budget: number): Promise<BootedGuest> {
  const patience = new Patience(context, machine, budget);
  await awaitSsh(context, machine, patience);
  const cloudInit = await awaitCloudInit(context, machine, patience);
  return { bootSeconds: patience.spent / 1000, cloudInit };
}

async function awaitSsh(context: Context, machine: Machine, patience: Patience): Promise<void> {
  let last = 'nobody answered';
  for (;;) {
    const timeout = Math.min(SSH_TRY, Math.max(1000, patience.left));
    const reply = await machine.ssh('true', { timeout }).catch(asReply);
    if (reply.status === 0) return;
    last = clean(lastLines(reply.stderr, 1)) || last;
    await assertAlive(machine);
    const end = await patience.end();
    if (end) throw new CheckError(`no ssh within ${end.seconds} s of power-on (${last}): ${end.stopped}`);
    await context.sleep(POLL);
  }
}

/** A try that took too long is one that did not succeed, and says nothing. */
function asReply(error: unknown): { status: number; stderr: string } {
  if (error instanceof CheckError) return { status: 255, stderr: '' };
  throw error;
}

async function awaitCloudInit(
  context: Context,
  machine: Machine,
  patience: Patience,
): Promise<CloudInitState> {
  for (;;) {
    const timeout = Math.max(1000, patience.left);
    try {
      const { status, stdout, stderr } = await machine.ssh('cloud-init status --wait --long', { timeout });
      const detail = clean(lastLines(stdout.replace(/^\.+/, '') || stderr, 6)).slice(0, 300);
      return { status: statusOf(status), detail };
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      await assertAlive(machine);
      const end = await patience.end();
      if (end)
        throw new CheckError(`cloud-init did not finish within ${end.seconds} s of power-on: ${end.stopped}`);
      // It has moved meanwhile.
      await context.sleep(POLL);
    }
  }
}

/** Exit statuses of `cloud-init status`: 2 came with 23.4 and means recoverable errors. */
function statusOf(exit: number): CloudInitState['status'] {
  if (exit === 0) return 'done';
  return exit === 2 ? 'degraded' : 'error';
}
