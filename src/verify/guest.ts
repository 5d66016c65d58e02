import { assertAlive } from '../boot/alive.ts';
import { whereItStopped } from '../boot/phases.ts';
import type { Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { lastLines } from '../host/process.ts';
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
 * @param budget milliseconds from power-on
 * @throws CheckError that names the phase in which the guest stopped and the last lines of its console
 */
export async function awaitGuest(context: Context, machine: Machine, budget: number): Promise<BootedGuest> {
  const deadline = machine.poweredOn.getTime() + budget;
  await awaitSsh(context, machine, deadline, budget);
  const cloudInit = await awaitCloudInit(context, machine, deadline, budget);
  return { bootSeconds: (context.now().getTime() - machine.poweredOn.getTime()) / 1000, cloudInit };
}

async function awaitSsh(context: Context, machine: Machine, deadline: number, budget: number): Promise<void> {
  let last = 'nobody answered';
  for (;;) {
    const timeout = Math.min(SSH_TRY, Math.max(1000, deadline - context.now().getTime()));
    const reply = await machine.ssh('true', { timeout }).catch(asReply);
    if (reply.status === 0) return;
    last = clean(lastLines(reply.stderr, 1)) || last;
    await assertAlive(machine);
    if (context.now().getTime() >= deadline) {
      const stopped = whereItStopped(await machine.console());
      throw new CheckError(`no ssh within ${budget / 1000} s of power-on (${last}): ${stopped}`);
    }
    await context.sleep(POLL);
  }
}

/** A try that took too long is one that did not succeed. */
function asReply(error: unknown): { status: number; stderr: string } {
  if (error instanceof CheckError) return { status: 255, stderr: error.message };
  throw error;
}

async function awaitCloudInit(
  context: Context,
  machine: Machine,
  deadline: number,
  budget: number,
): Promise<CloudInitState> {
  const timeout = Math.max(1000, deadline - context.now().getTime());
  try {
    const { status, stdout, stderr } = await machine.ssh('cloud-init status --wait --long', { timeout });
    const detail = clean(lastLines(stdout.replace(/^\.+/, '') || stderr, 6)).slice(0, 300);
    return { status: statusOf(status), detail };
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    await assertAlive(machine);
    const stopped = whereItStopped(await machine.console());
    throw new CheckError(`cloud-init did not finish within ${budget / 1000} s of power-on: ${stopped}`);
  }
}

/** Exit statuses of `cloud-init status`: 2 came with 23.4 and means recoverable errors. */
function statusOf(exit: number): CloudInitState['status'] {
  if (exit === 0) return 'done';
  return exit === 2 ? 'degraded' : 'error';
}
