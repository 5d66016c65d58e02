import type { Context } from '../host/context.ts';
import { places } from '../host/places.ts';
import { deadRuns } from '../openstack/runs/journal.ts';
import type { Made } from '../openstack/runs/kinds.ts';
import { listMade, removeMade, servicesOf } from '../openstack/runs/leftovers.ts';
import { openCloud } from './cloud.ts';
import type { ReapRequest, ReapResult } from './types.ts';

const HOUR = 3_600_000;

/**
 * Finds what runs left in a project of a cloud, and removes it unless this is only to say so. A run is left over when
 * its process died on this host, or it is older than asked and not to be kept any longer; what does not bear the
 * name of a run is nobody's here.
 * @throws CloudError when the cloud refuses, or something is not gone in time
 */
export async function reap(context: Context, request: ReapRequest): Promise<ReapResult> {
  const { session, name } = await openCloud(context, request);
  const services = await servicesOf(session);
  const dead = await deadRuns(places(context).state, session.config);
  const made = await listMade(services);
  const isDead = (each: Made) => dead.some(({ run }) => run.name === each.run.name);
  const kept = keptRuns(made, context.now());
  const isOld = ({ run }: Made) =>
    context.now().getTime() - run.startedAt.getTime() >= request.olderThan * HOUR && !kept.has(run.name);
  const leftovers = made.filter(each => isDead(each) || isOld(each));
  if (!request.dryRun) {
    await removeMade(services, leftovers);
    for (const { forget } of dead) await forget();
  }
  return { cloud: name, leftovers, left: made.filter(each => !leftovers.includes(each)) };
}

/** A server's metadata says for how long its whole run is to be kept. */
function keptRuns(made: readonly Made[], now: Date): ReadonlySet<string> {
  const kept = made.filter(({ keepUntil }) => keepUntil !== undefined && keepUntil > now);
  return new Set(kept.map(({ run }) => run.name));
}
