import { CloudError } from '../../host/errors.ts';
import { openCompute } from '../compute/compute.ts';
import { ApiError } from '../errors.ts';
import type { Session } from '../session.ts';
import { waitFor } from '../wait.ts';
import { KINDS, type Made, type Services } from './kinds.ts';

/** Milliseconds until what was deleted is gone, and between two looks. */
const GONE = { deadline: 120_000, every: 500 };

/** Everything in the session's project that a run of ours made. */
export async function listMade(services: Services): Promise<Made[]> {
  const project = await projectOf(services.session);
  const lists = await Promise.all(
    KINDS.map(async ({ kind, list }) => (await list(services, project)).map(each => ({ kind, ...each }))),
  );
  return lists.flat();
}

async function projectOf(session: Session): Promise<string> {
  const { project } = await session.token();
  if (project !== undefined) return project.id;
  throw new CloudError(`the login to ${session.config.label} is not one to a project`, {
    advice: 'servers, networks and images belong to projects: name one in the configuration',
  });
}

export async function servicesOf(session: Session): Promise<Services> {
  return { session, compute: await openCompute(session) };
}

/** Asks for the end of all of them; what still holds another one is asked again until all are gone. */
export async function removeMade(services: Services, made: readonly Made[]): Promise<void> {
  const names = new Set(made.map(key));
  let left = made;
  const waiting = { what: `${made.length} things of ours to be gone from the cloud`, ...GONE };
  if (made.length === 0) return;
  await waitFor(services.session.context, waiting, async () => {
    await askForEnd(services, left);
    left = (await listMade(services)).filter(each => names.has(key(each)));
    return left.length === 0 ? { done: undefined } : { stands: left.map(key).join(', ') };
  });
}

/**
 * Asks once for the end of all of them, together where they let it, since who is cancelled has seconds.
 * @throws what the first one threw, when all were asked for
 */
export async function askForEnd(services: Services, made: readonly Made[]): Promise<void> {
  const isUsed = ({ kind }: Made) => KINDS.find(each => each.kind === kind)?.used === true;
  const outcomes = [];
  for (const together of [made.filter(each => !isUsed(each)), made.filter(isUsed)])
    outcomes.push(...(await Promise.allSettled(together.map(each => removeOne(services, each)))));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** In use, such as a security group of a port that is on its way out, is no mistake. */
async function removeOne(services: Services, { kind, id }: Made): Promise<void> {
  const known = KINDS.find(each => each.kind === kind);
  try {
    await known?.remove(services, id);
  } catch (error) {
    if (!(error instanceof ApiError) || error.httpStatus !== 409) throw error;
    services.session.context.log.debug(error.message);
  }
}

function key({ kind, id }: Made): string {
  return `${kind} ${id}`;
}
