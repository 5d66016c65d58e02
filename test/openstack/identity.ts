import type { Place } from './place.ts';
import { glanceOf, type Region } from './services/glance.ts';
import { KEYSTONE } from './services/keystone.ts';

/** Ordinary people: each a user with the role `member` in a project of the same name. */
export const PEOPLE = ['builder', 'tenant'] as const;

/** Users by which services judge tokens. */
export const SERVICE_USERS = ['glance'] as const;

export interface Endpoint {
  readonly service: string;
  readonly type: string;
  readonly region: string;
  readonly url: string;
}

/** Tier 1's part of the catalogue; a later tier appends its own. */
export function imageEndpoints(place: Place, regions: readonly Region[]): Endpoint[] {
  return regions.map(({ name }) => ({
    service: 'glance',
    type: 'image',
    region: name,
    url: place.url(glanceOf({ name })),
  }));
}

/** The second and later regions have the same Keystone. */
export function identityEndpoints(place: Place, regions: readonly Region[]): Endpoint[] {
  const url = `${place.url(KEYSTONE.name)}/v3`;
  return regions.map(({ name }) => ({ service: 'keystone', type: 'identity', region: name, url }));
}

interface Resource {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** Enough of Keystone's admin API to fill it. Written apart from `src/`, which these tests judge. */
class Admin {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  static async login(place: Place): Promise<Admin> {
    const url = `${place.url(KEYSTONE.name)}/v3`;
    const user = { name: 'admin', domain: { id: 'default' }, password: place.secret('admin') };
    const scope = { project: { name: 'admin', domain: { id: 'default' } } };
    const auth = { identity: { methods: ['password'], password: { user } }, scope };
    const answer = await fetch(`${url}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth }),
    });
    if (!answer.ok) throw new Error(`Keystone refuses the administrator: ${await answer.text()}`);
    return new Admin(url, answer.headers.get('x-subject-token') ?? '');
  }

  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-auth-token': this.#token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? {} : JSON.parse(text);
  }

  async list(kind: string): Promise<Resource[]> {
    return (await this.call('GET', `/${kind}`))[kind] as Resource[];
  }

  /** The first that fits, made when there is none. */
  async ensure(kind: string, fits: (each: Resource) => boolean, body: object): Promise<Resource> {
    const there = (await this.list(kind)).find(fits);
    if (there !== undefined) return there;
    const one = kind.slice(0, -1);
    return (await this.call('POST', `/${kind}`, { [one]: body }))[one] as Resource;
  }

  named(kind: string, name: string, more: object = {}): Promise<Resource> {
    return this.ensure(kind, each => each.name === name, { name, ...more });
  }

  async grant(user: Resource, project: Resource, role: Resource): Promise<void> {
    await this.call('PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`);
  }
}

/** Fills Keystone with people, service users and the catalogue; does nothing twice. */
export async function populate(
  place: Place,
  serviceUsers: readonly string[],
  endpoints: readonly Endpoint[],
): Promise<void> {
  const admin = await Admin.login(place);
  const inDefault = { domain_id: 'default' };
  const user = (name: string) => admin.named('users', name, { ...inDefault, password: place.secret(name) });
  const project = (name: string) => admin.named('projects', name, inDefault);
  const [member, administrator, service] = [
    await admin.named('roles', 'member'),
    await admin.named('roles', 'admin'),
    await admin.named('roles', 'service'),
  ];
  for (const name of PEOPLE) await admin.grant(await user(name), await project(name), member);
  for (const name of serviceUsers) {
    for (const role of [administrator, service]) {
      await admin.grant(await user(name), await project('service'), role);
    }
  }
  for (const endpoint of endpoints) await publish(admin, endpoint);
}

async function publish(admin: Admin, { service, type, region, url }: Endpoint): Promise<void> {
  await admin.ensure('regions', each => each.id === region, { id: region });
  const { id } = await admin.ensure('services', each => each.type === type, { name: service, type });
  for (const kind of ['public', 'internal', 'admin']) {
    const fits = (each: Resource) =>
      each.service_id === id && each.region_id === region && each.interface === kind;
    await admin.ensure('endpoints', fits, { service_id: id, region_id: region, interface: kind, url });
  }
}

/** Entries `NAME` and `NAME-REGION` (for every region but the first) for the administrator and the people. */
export function cloudsYaml(place: Place, regions: readonly Region[]): string {
  const entry = (name: string, user: string, region: string) => [
    `  ${name}:`,
    '    auth:',
    `      auth_url: ${place.url(KEYSTONE.name)}/v3`,
    `      username: ${user}`,
    `      password: ${place.secret(user)}`,
    `      project_name: ${user}`,
    '      user_domain_name: Default',
    '      project_domain_name: Default',
    `    region_name: ${region}`,
    '    identity_api_version: 3',
  ];
  const lines = ['admin', ...PEOPLE].flatMap(user =>
    regions.flatMap(({ name }, index) => entry(index === 0 ? user : `${user}-${name}`, user, name)),
  );
  return ['clouds:', ...lines, ''].join('\n');
}
