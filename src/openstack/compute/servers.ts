import { z } from 'zod';
import { CloudError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { createOnce } from '../create-once.ts';
import { ApiError } from '../errors.ts';
import { listAll, nextLink } from '../pages.ts';
import { type Call, path } from '../service.ts';
import { waitFor } from '../wait.ts';
import type { Compute } from './compute.ts';
import { LINKS, SERVER, type Server } from './types.ts';

export interface NewServer {
  readonly name: string;
  /** Ids. */
  readonly image: string;
  readonly flavor: string;
  /** Ports or networks by id, or Nova's own choice. */
  readonly networks: readonly ({ readonly port: string } | { readonly network: string })[] | 'auto' | 'none';
  /** By the last one, the run's own, the server is found again. */
  readonly tags: readonly string[];
  readonly keyName?: string;
  readonly userData?: string | Buffer;
  readonly configDrive?: boolean;
  readonly securityGroups?: readonly string[];
  readonly availabilityZone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const CREATED = z.object({ server: z.object({ id: z.string() }) });
const ONE = z.object({ server: SERVER });
const PAGE = z.object({ servers: z.array(SERVER), servers_links: LINKS });

/** Asks for a server; it is `BUILD` at first. @returns its id */
export async function createServer(compute: Compute, server: NewServer): Promise<string> {
  const what = `create the server ${server.name}`;
  const find = async () =>
    (await listServers(compute, { tag: server.tags.at(-1), name: server.name }))[0]?.id;
  return createOnce(compute.service, what, find, async () => {
    const json = { server: bodyOf(server) };
    const call = { what, method: 'POST', path: '/servers', json, accept: [202], retry: 'never' } as const;
    const { result } = await compute.service.call({ ...call, headers: compute.headers, result: CREATED });
    return result.server.id;
  });
}

function bodyOf(server: NewServer): object {
  const networks =
    typeof server.networks === 'string'
      ? server.networks
      : server.networks.map(each => ('port' in each ? each : { uuid: each.network }));
  return {
    name: server.name,
    imageRef: server.image,
    flavorRef: server.flavor,
    networks,
    tags: server.tags,
    config_drive: server.configDrive ?? false,
    ...optional('key_name', server.keyName),
    ...optional('user_data', encoded(server.userData)),
    ...optional('availability_zone', server.availabilityZone),
    ...optional('metadata', server.metadata),
    ...optional(
      'security_groups',
      server.securityGroups?.map(name => ({ name })),
    ),
  };
}

function optional(key: string, value: unknown): object {
  return value === undefined ? {} : { [key]: value };
}

function encoded(userData: string | Buffer | undefined): string | undefined {
  return userData === undefined ? undefined : Buffer.from(userData).toString('base64');
}

export async function getServer(compute: Compute, id: string): Promise<Server> {
  const call = { what: `read the server ${id}`, method: 'GET', path: path`/servers/${id}` } as const;
  const { headers } = compute;
  return (await compute.service.call({ ...call, headers, accept: [200], result: ONE })).result.server;
}

/** @param filter.name exactly this one */
export async function listServers(
  compute: Compute,
  filter: { readonly tag?: string | undefined; readonly name?: string } = {},
): Promise<Server[]> {
  const found = await listAll(compute.service, {
    what: 'list servers',
    path: '/servers/detail',
    query: { tags: filter.tag },
    headers: compute.headers,
    page: PAGE,
    items: page => page.servers,
    next: page => nextLink(page.servers_links),
  });
  return found.filter(each => filter.name === undefined || each.name === filter.name);
}

/** Asks for its end; one that is gone already is no mistake. */
export async function deleteServer(compute: Compute, id: string): Promise<void> {
  const call = { what: `delete the server ${id}`, method: 'DELETE', path: path`/servers/${id}` } as const;
  await compute.service.order({ ...call, headers: compute.headers, accept: [204, 404] });
}

/**
 * Waits until a server has a status and Nova has nothing more to do to it.
 * @param deadline milliseconds
 * @throws CloudError with Nova's own words when it goes to ERROR
 */
export function waitForServer(
  compute: Compute,
  id: string,
  status: 'ACTIVE' | 'SHUTOFF',
  deadline: number,
): Promise<Server> {
  const waiting = { what: `the server ${id} to be ${status}`, deadline, every: 1000 };
  return waitFor(compute.service.context, waiting, async () => {
    const server = await getServer(compute, id);
    if (server.status === 'ERROR') throw failed(server);
    if (server.status === status && server.task === undefined) return { done: server };
    return { stands: [server.status, server.task].filter(each => each !== undefined).join(', ') };
  });
}

function failed(server: Server): CloudError {
  const why = clean(server.fault ?? 'Nova does not say why').slice(0, 300);
  const advice = /No valid host/i.test(why)
    ? 'no host has room for this flavor, or none that the image and zone allow: choose another, or try later'
    : "see the fault, and Nova's log";
  return new CloudError(`the server ${server.name} (${server.id}) failed: ${why}`, { advice });
}

/** Waits until a server that was deleted is gone. @param deadline milliseconds */
export async function waitForServerGone(compute: Compute, id: string, deadline: number): Promise<void> {
  const waiting = { what: `the server ${id} to be gone`, deadline, every: 1000 };
  await waitFor(compute.service.context, waiting, async () => {
    try {
      return { stands: (await getServer(compute, id)).status };
    } catch (error) {
      if (error instanceof ApiError && error.httpStatus === 404) return { done: true };
      throw error;
    }
  });
}

/** What the guest wrote on its console. @param lines the last so many; all that Nova keeps by default */
export async function consoleLog(compute: Compute, id: string, lines?: number): Promise<string> {
  const what = `read the console log of the server ${id}`;
  const json = { 'os-getConsoleOutput': lines === undefined ? {} : { length: lines } };
  const call = { what, method: 'POST', path: path`/servers/${id}/action`, json, idempotent: true } as const;
  const result = z.object({ output: z.string() });
  const { headers } = compute;
  return (await compute.service.call({ ...call, headers, accept: [200], result })).result.output;
}

export async function rebootServer(compute: Compute, id: string, kind: 'SOFT' | 'HARD'): Promise<void> {
  await act(compute, id, 'reboot', { reboot: { type: kind } });
}

/** Writes an image over its disk anew; its address and name stay. */
export async function rebuildServer(
  compute: Compute,
  id: string,
  { image, userData }: { readonly image: string; readonly userData?: string | Buffer },
): Promise<void> {
  const user_data = encoded(userData);
  await act(compute, id, 'rebuild', { rebuild: { imageRef: image, ...optional('user_data', user_data) } });
}

async function act(compute: Compute, id: string, what: string, json: object): Promise<void> {
  const call: Call = {
    what: `${what} the server ${id}`,
    method: 'POST',
    path: path`/servers/${id}/action`,
    json,
    headers: compute.headers,
    accept: [202],
  };
  await compute.service.order(call);
}
