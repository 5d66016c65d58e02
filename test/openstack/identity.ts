import { Caller, type Resource } from './admin.ts';
import type { Place } from './place.ts';
import { glanceOf, type Region } from './services/glance.ts';
import { KEYSTONE } from './services/keystone.ts';
import { NEUTRON } from './services/neutron.ts';
import { NOVA } from './services/nova.ts';
import { PLACEMENT } from './services/placement.ts';

/** Ordinary people: each a user with the role `member` in a project of the same name. */
export const PEOPLE = ['builder', 'tenant', 'verifier'] as const;

/** Users by which services judge tokens, and call each other: of tier 1, and what tier 2 adds. */
export const SERVICE_USERS = { 1: ['glance'], 2: ['placement', 'nova', 'neutron'] } as const;

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

/** Tier 2's part: in one region only. */
export function computeEndpoints(place: Place, region: string): Endpoint[] {
  return [
    { service: 'placement', type: 'placement', region, url: place.url(PLACEMENT) },
    { service: 'nova', type: 'compute', region, url: `${place.url(NOVA)}/v2.1` },
    { service: 'neutron', type: 'network', region, url: place.url(NEUTRON) },
  ];
}

/** The second and later regions have the same Keystone. */
export function identityEndpoints(place: Place, regions: readonly Region[]): Endpoint[] {
  const url = `${place.url(KEYSTONE.name)}/v3`;
  return regions.map(({ name }) => ({ service: 'keystone', type: 'identity', region: name, url }));
}

/** Fills Keystone with people, service users and the catalogue; does nothing twice. */
export async function populate(
  place: Place,
  serviceUsers: readonly string[],
  endpoints: readonly Endpoint[],
): Promise<void> {
  const admin = await Caller.login(place, 'admin');
  const inDefault = { domain_id: 'default' };
  const user = (name: string) => admin.named('users', name, { ...inDefault, password: place.secret(name) });
  const project = (name: string) => admin.named('projects', name, inDefault);
  const [member, administrator, service] = [
    await admin.named('roles', 'member'),
    await admin.named('roles', 'admin'),
    await admin.named('roles', 'service'),
  ];
  for (const name of PEOPLE) await grant(admin, await user(name), await project(name), member);
  for (const name of serviceUsers) {
    for (const role of [administrator, service]) {
      await grant(admin, await user(name), await project('service'), role);
    }
  }
  for (const endpoint of endpoints) await publish(admin, endpoint);
}

async function grant(admin: Caller, user: Resource, project: Resource, role: Resource): Promise<void> {
  await admin.call('PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`);
}

async function publish(admin: Caller, { service, type, region, url }: Endpoint): Promise<void> {
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
