import { z } from 'zod';
import { createOnce } from '../create-once.ts';
import { listAll, nextLink } from '../pages.ts';
import { path, type Service } from '../service.ts';

type Filter = Readonly<Record<string, string | undefined>>;

/** The requests that every kind of thing in Neutron has. */
export interface Resource<T extends { readonly id: string }, N> {
  get(neutron: Service, id: string): Promise<T>;
  /** @param filter by any attribute; `tags` by a tag */
  list(neutron: Service, filter?: Filter): Promise<T[]>;
  /**
   * Makes one and tags it; one that a dead process did not come to tag still has its own name.
   * @param own what only ours has, e.g. `{ name: 'image-factory-RUN' }`: part of the request, and how it is found again
   */
  create(neutron: Service, own: Filter, body: N, tags: readonly string[]): Promise<T>;
  update(neutron: Service, id: string, change: Partial<N>): Promise<T>;
  /** One that is gone already is no mistake. */
  remove(neutron: Service, id: string): Promise<void>;
}

/**
 * @param kind as in messages: `floating IP`
 * @param plural as in paths and lists, with underscores: `security_groups`
 */
export function resource<T extends { readonly id: string }, N extends object>(
  kind: string,
  singular: string,
  plural: string,
  schema: z.ZodType<T>,
): Resource<T, N> {
  const folder = `/${plural.replaceAll('_', '-')}`;
  const one = z.object({ [singular]: schema }).transform(raw => raw[singular] as T);
  const link = z.array(z.object({ rel: z.string(), href: z.string() })).optional();
  const page = z.object({ [plural]: z.array(schema), [`${plural}_links`]: link });
  const at = (id: string) => `${folder}${path`/${id}`}`;

  const list: Resource<T, N>['list'] = (neutron, filter = {}) =>
    listAll(neutron, {
      what: `list each ${kind}`,
      path: folder,
      query: filter,
      page,
      items: each => each[plural] as T[],
      next: each => nextLink(each[`${plural}_links`] as z.infer<typeof link>),
    });

  return {
    list,
    async get(neutron, id) {
      const call = { what: `read the ${kind} ${id}`, method: 'GET', path: at(id), accept: [200] } as const;
      return (await neutron.call({ ...call, result: one })).result;
    },
    async create(neutron, own, body, tags) {
      const what = `create a ${kind}`;
      const json = { [singular]: { ...body, ...own } };
      const made = await createOnce(
        neutron,
        what,
        async () => (await list(neutron, own))[0],
        async () => {
          const call = { what, method: 'POST', path: folder, json, accept: [201], retry: 'never' } as const;
          return (await neutron.call({ ...call, result: one })).result;
        },
      );
      const call = { what: `tag the ${kind} ${made.id}`, method: 'PUT', json: { tags } } as const;
      await neutron.order({ ...call, path: `${at(made.id)}/tags`, accept: [200] });
      return made;
    },
    async update(neutron, id, change) {
      const call = { what: `change the ${kind} ${id}`, method: 'PUT', path: at(id), accept: [200] } as const;
      return (await neutron.call({ ...call, json: { [singular]: change }, result: one })).result;
    },
    async remove(neutron, id) {
      const call = { what: `delete the ${kind} ${id}`, method: 'DELETE', path: at(id) } as const;
      await neutron.order({ ...call, accept: [204, 404] });
    },
  };
}
