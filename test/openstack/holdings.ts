import { randomUUID } from 'node:crypto';
import { createKeypair, listKeypairs } from '../../src/openstack/compute/keypairs.ts';
import { listServers } from '../../src/openstack/compute/servers.ts';
import { createImage, listImages } from '../../src/openstack/image/images.ts';
import { floatingIps, networks, ports, securityGroups } from '../../src/openstack/network/network.ts';
import { servicesOf } from '../../src/openstack/runs/leftovers.ts';
import type { Session } from '../../src/openstack/session.ts';

const STRANGERS_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl stranger';

/** Ids of all that a project has in a cloud, whoever made it, by kind. */
export async function holdings(session: Session): Promise<Record<string, readonly string[]>> {
  const { compute } = await servicesOf(session);
  const [neutron, glance] = [session.service('network'), session.service('image')];
  const project = { project_id: (await session.token()).project?.id };
  const ids = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id).sort();
  return {
    servers: ids(await listServers(compute)),
    keys: (await listKeypairs(compute)).map(({ name }) => name).sort(),
    ports: ids(await ports.list(neutron, project)),
    groups: ids(await securityGroups.list(neutron, project)),
    floatingIps: ids(await floatingIps.list(neutron, project)),
    images: ids(await listImages(glance, { visibility: 'all' })),
  };
}

/** What a stranger has in our project, with names and tags as near to ours as nobody's should be. */
export async function seedStranger(session: Session): Promise<void> {
  const neutron = session.service('network');
  const tags = ['image-factory', 'image-factory-run'];
  const group = await securityGroups.create(neutron, { name: 'image-factory' }, {}, tags);
  const [network] = await networks.list(neutron, { name: 'private' });
  const body = { network_id: network?.id ?? '', security_groups: [group.id] };
  await ports.create(neutron, { name: 'image-factory-20260101T000000Z-stranger' }, body, tags);
  const { compute } = await servicesOf(session);
  await createKeypair(compute, 'my image-factory-20260101T000000Z-12345678', STRANGERS_KEY);
  const image = {
    id: randomUUID(),
    name: 'image-factory-20260101T000000Z-12345678',
    diskFormat: 'raw',
    tags,
  };
  await createImage(session.service('image'), image);
}
