import type { z } from 'zod';
import { CloudError } from '../host/errors.ts';
import type { Call, Service } from './service.ts';

/** Milliseconds a whole list may take. */
const DEADLINE = 300_000;

export interface Paged<P, T> {
  readonly what: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** One page. */
  readonly page: z.ZodType<P>;
  readonly items: (page: P) => readonly T[];
  /** The address of the next page, wherever the API writes it. */
  readonly next: (page: P) => string | undefined;
  readonly deadline?: number;
}

/**
 * Everything in a list, page by page.
 * @throws CloudError when it does not end in time, or leads in a circle
 */
export async function listAll<P, T>(service: Service, list: Paged<P, T>): Promise<T[]> {
  const { now } = service.context;
  const end = now().getTime() + (list.deadline ?? DEADLINE);
  const seen = new Set<string>();
  const found: T[] = [];
  let query: Call['query'] = list.query ?? {};
  for (;;) {
    const left = end - now().getTime();
    if (left <= 0) throw new CloudError(`could not ${list.what} in time: ${found.length} were read`);
    const { what, path, headers = {} } = list;
    const { result } = await service.call({
      ...{ what, path, query, headers, method: 'GET', accept: [200], result: list.page, deadline: left },
    });
    found.push(...list.items(result));
    const next = list.next(result);
    if (next === undefined) return found;
    // Of the address only the query counts: a token is sent to no host that an answer names.
    query = new URL(next, 'http://any').searchParams;
    if (seen.has(query.toString())) {
      throw new CloudError(`could not ${list.what}: its pages lead in a circle`, {
        advice: 'the cloud is at fault: tell its operators',
      });
    }
    seen.add(query.toString());
  }
}

/** The link to the next page as Nova and Neutron write it. */
export function nextLink(links: readonly { rel: string; href: string }[] | undefined): string | undefined {
  return links?.find(({ rel }) => rel === 'next')?.href;
}
