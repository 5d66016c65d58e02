import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { path, type Service } from '../service.ts';

const METHODS = z.object({ 'import-methods': z.object({ value: z.array(z.string()) }) });

/** Ways of importing that the cloud offers: `glance-direct` is the one with bytes of ours. */
export async function importMethods(glance: Service): Promise<string[]> {
  const call = {
    what: 'ask for import methods',
    method: 'GET',
    path: '/info/import',
    accept: [200],
  } as const;
  return (await glance.call({ ...call, result: METHODS })).result['import-methods'].value;
}

const STORES = z.object({
  stores: z.array(
    z.object({
      id: z.string(),
      default: z.union([z.boolean(), z.string()]).optional(),
      'read-only': z.any().optional(),
    }),
  ),
});

/** Stores of a cloud with several; empty for one that has only one and does not speak of it. */
export async function listStores(glance: Service): Promise<{ id: string; isDefault: boolean }[]> {
  const call = { what: 'list stores', method: 'GET', path: '/info/stores', accept: [200] } as const;
  try {
    const { result } = await glance.call({ ...call, result: STORES });
    return result.stores.map(each => ({ id: each.id, isDefault: String(each.default) === 'true' }));
  } catch (error) {
    if (error instanceof ApiError && error.httpStatus === 404) return [];
    throw error;
  }
}

/** Lets Glance take what was staged; it works on after the answer. @param stores all of them by default */
export async function importStaged(glance: Service, id: string, stores?: readonly string[]): Promise<void> {
  const json = { method: { name: 'glance-direct' }, ...(stores === undefined ? {} : { stores }) };
  const call = { what: `import the image ${id}`, method: 'POST', json, accept: [202] } as const;
  await glance.order({ ...call, path: path`/images/${id}/import` });
}
