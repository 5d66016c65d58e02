import { withRetries } from './retry.ts';
import type { Service } from './service.ts';

const DEADLINE = 300_000;

/**
 * Makes something whose id the cloud chooses. Before it is asked for again, because an answer was lost, it is looked
 * for by what only ours has: a name or tag with the run's id.
 * @param find one that an earlier try made
 * @param create one request, not retried by itself
 */
export function createOnce<T>(
  service: Service,
  what: string,
  find: () => Promise<T | undefined>,
  create: () => Promise<T>,
): Promise<T> {
  const retrying = { what, idempotent: true, deadline: DEADLINE };
  return withRetries(service.context, retrying, async done => {
    const made = done > 1 ? await find() : undefined;
    return made ?? create();
  });
}
