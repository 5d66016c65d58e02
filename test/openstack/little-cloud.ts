import type { ServerResponse } from 'node:http';
import { type Handler, json } from './server.ts';

/** As an API shows it; what it does not name has a plain value. */
type Thing = Readonly<Record<string, unknown>> & { readonly id: string };

/** What a cloud holds, by the path of its kind below the service. */
export type Holding = Record<Kind, Thing[]>;

type Kind = keyof typeof KINDS;

const PORT = {
  ...{ name: '', network_id: 'n', status: 'ACTIVE', device_id: '', mac_address: 'm' },
  ...{ fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.5' }], security_groups: [] },
};
const IMAGE = {
  ...{ name: '', status: 'active', visibility: 'private', protected: false, disk_format: 'raw' },
  ...{ container_format: 'bare', min_disk: 0, min_ram: 0, created_at: '', updated_at: '', tags: [] },
};

/** Word of one in a body, and what every one has. */
const KINDS = {
  servers: { one: 'server', plain: { name: '', status: 'ACTIVE', created: '' } },
  floatingips: {
    one: 'floatingip',
    plain: { floating_ip_address: '198.51.100.7', port_id: null, status: 'ACTIVE', floating_network_id: 'x' },
  },
  ports: { one: 'port', plain: PORT },
  'security-groups': { one: 'security_group', plain: { name: '' } },
  'os-keypairs': { one: 'keypair', plain: {} },
  images: { one: 'image', plain: IMAGE },
} as const;

export function emptyHolding(): Holding {
  return Object.fromEntries(Object.keys(KINDS).map(kind => [kind, []])) as unknown as Holding;
}

/**
 * Lists, makes and deletes as clouds do, without their rules but one: a security group is in use by its ports. For
 * who decides what is made and what goes; that real services take it is for the tests in the real cloud.
 */
export function littleCloud(holding: Holding): Handler {
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://cloud');
    const [first = '', id, more] = url.pathname
      .replace(/^\/v2(\.[01])?\/(?!$)/, '')
      .split('/')
      .map(decodeURIComponent);
    const kind = first as Kind;
    if (!(first in KINDS)) other(first, response);
    else if (more === 'tags') json(response, {});
    else if (request.method === 'DELETE') remove(holding, kind, id ?? '', response);
    else if (request.method === 'POST') make(holding, kind, JSON.parse(request.text), response);
    else json(response, listed(kind, holding[kind]));
  };
}

function other(word: string, response: ServerResponse): void {
  if (word === 'security-group-rules') json(response, {}, 201);
  else json(response, { version: { version: '2.79', min_version: '2.1' } });
}

function make(holding: Holding, kind: Kind, body: object, response: ServerResponse): void {
  const { one, plain } = KINDS[kind];
  const asked = ((body as Record<string, object>)[one] ?? body) as { readonly name?: string };
  // A key's name is what it is known by.
  const id = (kind === 'os-keypairs' ? asked.name : undefined) ?? `${kind}-${holding[kind].length}`;
  const thing = { id, ...plain, ...asked };
  holding[kind].push(thing);
  const shown = kind === 'os-keypairs' ? { ...thing, fingerprint: 'f' } : thing;
  json(response, kind === 'images' ? shown : { [one]: shown }, kind === 'servers' ? 202 : 201);
}

function remove(holding: Holding, kind: Kind, id: string, response: ServerResponse): void {
  const used = (port: Thing) => (port.security_groups as string[] | undefined)?.includes(id);
  if (kind === 'security-groups' && holding.ports.some(used)) {
    json(response, { NeutronError: { message: `Security Group ${id} in use.` } }, 409);
    return;
  }
  holding[kind] = holding[kind].filter(each => each.id !== id);
  json(response, {}, 204);
}

function listed(kind: Kind, things: readonly Thing[]): object {
  const { one, plain } = KINDS[kind];
  const all = things.map(each => ({ ...plain, ...each }));
  if (kind === 'os-keypairs') return { keypairs: all.map(({ id }) => ({ keypair: { name: id } })) };
  return { [`${one}s`]: all };
}
