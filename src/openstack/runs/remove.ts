import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../host/context.ts';
import { deadRuns } from './journal.ts';
import type { Services } from './kinds.ts';
import { askForEnd, listMade, removeMade } from './leftovers.ts';
import type { Run } from './run.ts';

/** Who is cancelled is killed seconds later. Milliseconds. */
const HURRY = 6000;

/**
 * Removes all that a run made.
 * @param cancelled ask for it and do not wait, also when the context's signal has fired
 * @returns whether nothing of it is left; what is, was told of
 */
export async function removeRun(
  services: Services,
  run: Run,
  { cancelled = false }: { cancelled?: boolean } = {},
): Promise<boolean> {
  const { log } = services.session.context;
  const through = cancelled ? briefly(services) : services;
  try {
    const made = (await listMade(through)).filter(each => each.run.name === run.name);
    if (cancelled) await askForEnd(through, made);
    else await removeMade(through, made);
    return !cancelled;
  } catch (error) {
    log.warn(`${run.name} is left in the cloud, until the next run or reap: ${(error as Error).message}`);
    return false;
  }
}

/** Removes what runs left whose process died on this host. */
export async function forgetDeadRuns(services: Services, state: string): Promise<void> {
  const { context, config } = services.session;
  for (const { run, forget } of await deadRuns(state, config)) {
    context.log.info(`removing what ${run.name} left in the cloud`);
    if (await removeRun(services, run)) await forget();
  }
}

/** The same services without their cancelled signal, for a few seconds. */
function briefly({ session, compute }: Services): Services {
  const signal = AbortSignal.timeout(HURRY);
  const sleep = (milliseconds: number) => delay(Math.min(milliseconds, HURRY / 4), undefined, { signal });
  const context: Context = { ...session.context, signal, sleep };
  const under = session.under(context);
  return { session: under, compute: { ...compute, service: under.service('compute') } };
}
