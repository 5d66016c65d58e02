import type { Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';

const POLL = 1000;

/**
 * Leaves a guest running for a person to look at, until it ends itself or its time is over. Whoever is killed meanwhile
 * takes it along, and the next run removes its files.
 * @throws CancelledError
 */
export async function keepGuest(context: Context, machine: Machine, milliseconds: number): Promise<void> {
  const { log } = context;
  const until = context.now().getTime() + milliseconds;
  if (await hasEnded(machine)) return log.info('there is no guest left to keep: it is off');
  const login = machine.login ?? [];
  log.info(`the guest is left running until ${new Date(until).toISOString()}, or until this is interrupted:`);
  log.info(`  ${login.join(' ')}`);
  while (context.now().getTime() < until) {
    if (await hasEnded(machine)) return log.info('the guest is off');
    await context.sleep(Math.min(POLL, until - context.now().getTime()));
  }
  log.info('the time of the guest is over');
}

async function hasEnded(machine: Machine): Promise<boolean> {
  return (await machine.status()).startsWith('ended');
}
