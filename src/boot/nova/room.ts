import { lockDirectory } from '../../host/directory-lock.ts';
import { DefinitionError } from '../../host/errors.ts';
import { listServers } from '../../openstack/compute/servers.ts';
import { journalFolder } from '../../openstack/runs/journal.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import { RUN_TAG, runOf } from '../../openstack/runs/run.ts';
import { waitFor } from '../../openstack/wait.ts';

/** Milliseconds for which others may go on, and between two looks. */
const WAITING = { deadline: 3_600_000, every: 2000 };

/** How many servers of ours a project may have. */
export interface Room {
  /** Absent: as many as the cloud allows. */
  readonly most: number | undefined;
  readonly needed: number;
}

/**
 * Makes servers once so many more of ours may be in the project. Runs of this host take turns, so that no two see
 * the same room; of other hosts' runs those count that have their servers.
 * @param state the user's state directory
 * @throws DefinitionError when there can never be room, CloudError when there is none for an hour
 */
export function whenThereIsRoom<T>(
  { session, compute }: Services,
  state: string,
  { most, needed }: Room,
  make: () => Promise<T>,
): Promise<T> {
  if (most === undefined) return make();
  if (needed > most) {
    throw new DefinitionError(`a verification makes ${needed} servers at a time, and ${most} are allowed`, {
      advice: 'allow more as servers, or take the check config-drive away',
    });
  }
  const waiting = { what: `room for ${needed} more servers of ours, of ${most}`, ...WAITING };
  return waitFor(session.context, waiting, async () => {
    const lock = await lockDirectory(journalFolder(state));
    if (lock === 'held') return { stands: 'another run that is making its own' };
    try {
      const servers = await listServers(compute, { tag: RUN_TAG });
      const ours = servers.filter(({ name }) => runOf(name) !== undefined).length;
      return ours + needed > most ? { stands: `${ours} are there` } : { done: await make() };
    } finally {
      if (typeof lock !== 'string') await lock.release();
    }
  });
}
