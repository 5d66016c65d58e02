import { CancelledError, CheckError } from '../host/errors.ts';
import { deadEnd, whereItStopped } from './phases.ts';
import type { Machine } from './types.ts';

type Watched = Pick<Machine, 'status' | 'console'>;

/** @throws CheckError when the machine is gone or its guest gave up: how, and in which phase */
export async function assertAlive(machine: Watched): Promise<void> {
  const status = await machine.status();
  const console = await machine.console();
  if (status.startsWith('ended')) throw new CheckError(`the machine ${status}; ${whereItStopped(console)}`);
  const why = deadEnd(console);
  if (why !== undefined) throw new CheckError(`the guest gave up: ${why}`);
}

/**
 * Asks a guest something for as long as there is one to answer.
 * @param gone fires when the machine has ended or its guest gave up, which assertAlive then tells
 * @param ask gives up with CancelledError when its signal fires
 * @throws what ask throws, CheckError as soon as nobody is there any more, CancelledError
 */
export async function whileAlive<T>(
  machine: Watched,
  { gone, cancelled }: { gone: AbortSignal; cancelled: AbortSignal },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await ask(AbortSignal.any([gone, cancelled]));
  } catch (error) {
    if (error instanceof CancelledError && !cancelled.aborted) await assertAlive(machine);
    throw error;
  }
}
