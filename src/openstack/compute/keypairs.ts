import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { listAll, nextLink } from '../pages.ts';
import { path } from '../service.ts';
import type { Compute } from './compute.ts';
import { LINKS } from './types.ts';

const KEYPAIR = z.object({
  keypair: z
    .object({ name: z.string(), fingerprint: z.string(), public_key: z.string() })
    .transform(raw => ({ name: raw.name, fingerprint: raw.fingerprint, publicKey: raw.public_key })),
});

/** A public key under a name, of one user. */
export type Keypair = z.output<typeof KEYPAIR>['keypair'];

/** Stores a public key; the same key under the same name already is no mistake. */
export async function createKeypair(compute: Compute, name: string, publicKey: string): Promise<Keypair> {
  const json = { keypair: { name, public_key: publicKey, type: 'ssh' } };
  const call = { what: `store the key ${name}`, method: 'POST', path: '/os-keypairs', json } as const;
  const { headers, service } = compute;
  try {
    const made = await service.call({ ...call, headers, idempotent: true, accept: [201], result: KEYPAIR });
    return made.result.keypair;
  } catch (error) {
    if (!(error instanceof ApiError) || error.httpStatus !== 409) throw error;
    const there = await getKeypair(compute, name);
    if (there.publicKey.trim() !== publicKey.trim()) throw error;
    return there;
  }
}

export async function getKeypair(compute: Compute, name: string): Promise<Keypair> {
  const call = { what: `read the key ${name}`, method: 'GET', path: path`/os-keypairs/${name}` } as const;
  const { headers, service } = compute;
  return (await service.call({ ...call, headers, accept: [200], result: KEYPAIR })).result.keypair;
}

const PAGE = z.object({
  keypairs: z.array(z.object({ keypair: z.object({ name: z.string() }) })),
  keypairs_links: LINKS,
});

/** The names of this user's keys. */
export async function listKeypairs(compute: Compute): Promise<{ readonly name: string }[]> {
  return listAll(compute.service, {
    what: 'list keys',
    path: '/os-keypairs',
    headers: compute.headers,
    page: PAGE,
    items: page => page.keypairs.map(({ keypair }) => keypair),
    next: page => nextLink(page.keypairs_links),
  });
}

/** One that is gone already is no mistake. */
export async function deleteKeypair(compute: Compute, name: string): Promise<void> {
  const call = {
    what: `delete the key ${name}`,
    method: 'DELETE',
    path: path`/os-keypairs/${name}`,
  } as const;
  await compute.service.order({ ...call, headers: compute.headers, accept: [202, 204, 404] });
}
