import { randomUUID } from 'node:crypto';
import { createKeypair, deleteKeypair, listKeypairs } from '../../src/openstack/compute/keypairs.ts';
import { listServers } from '../../src/openstack/compute/servers.ts';
import { createImage, deleteImage, listImages } from '../../src/openstack/image/images.ts';
import { floatingIps, networks, ports, securityGroups } from '../../src/openstack/network/network.ts';
import { servicesOf } from '../../src/openstack/runs/leftovers.ts';
import type { Session } from '../../src/openstack/session.ts';

const STRANGERS_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl stranger';

/** Ids by kind. */
export type Holdings = Readonly<Record<string, readonly string[]>>;

/** Ids of all that a project has in a cloud, whoever made it. */
export async function holdings(session: Session): Promise<Holdings> {
  const { compute } = await servicesOf(session);
  const [neutron, glance] = [session.service('network'), session.service('image')];
  const owner = (await session.token()).project?.id ?? '';
  const project = { project_id: owner };
  const ids = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id).sort();
  return {
    servers: ids(await listServers(compute)),
    keys: (await listKeypairs(compute)).map(({ name }) => name).sort(),
    ports: ids(await ports.list(neutron, project)),
    groups: ids(await securityGroups.list(neutron, project)),
    floatingIps: ids(await floatingIps.list(neutron, project)),
    images: ids(await listImages(glance, { visibility: 'all', owner })),
  };
}

/**
 * What a stranger has in our project, with names and tags as near to ours as nobody's should be.
 * @returns what takes it away again
 */
export async function seedStranger(session: Session): Promise<() => Promise<void>> {
  const [neutron, glance] = [session.service('network'), session.service('image')];
  const tags = ['image-factory', 'image-factory-run'];
  const group = await securityGroups.create(neutron, { name: 'image-factory' }, {}, tags);
  const [network] = await networks.list(neutron, { name: 'private' });
  const body = { network_id: network?.id ?? '', security_groups: [group.id] };
  const near = 'image-factory-20260101T000000Z';
  const port = await ports.create(neutron, { name: `${near}-stranger` }, body, tags);
  const { compute } = await servicesOf(session);
  const key = await createKeypair(compute, `my ${near}-12345678`, STRANGERS_KEY);
  const image = { id: randomUUID(), name: `${near}-12345678`, diskFormat: 'raw', tags };
  await createImage(glance, image);
  return async () => {
    await deleteImage(glance, image.id);
    await deleteKeypair(compute, key.name);
    await ports.remove(neutron, port.id);
    await securityGroups.remove(neutron, group.id);
  };
}

/** How many things there are. */
export function count(held: Holdings): number {
  return Object.values(held).flat().length;
}
