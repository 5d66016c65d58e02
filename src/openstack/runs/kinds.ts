import type { Compute } from '../compute/compute.ts';
import { deleteKeypair, listKeypairs } from '../compute/keypairs.ts';
import { deleteServer, listServers } from '../compute/servers.ts';
import { deleteImage, listImages } from '../image/images.ts';
import { floatingIps, ports, securityGroups } from '../network/network.ts';
import type { Session } from '../session.ts';
import { KEEP_UNTIL, RUN_TAG, type Run, runOf } from './run.ts';

/** The services of one cloud, opened once. */
export interface Services {
  readonly session: Session;
  readonly compute: Compute;
}

/** Something in a cloud that bears a run's name. */
export interface Made {
  readonly kind: string;
  readonly id: string;
  readonly run: Run;
  readonly keepUntil?: Date;
}

/** One kind of thing that a run makes: how those of our project are found, and how one is deleted. */
interface Kind {
  readonly kind: string;
  /** Others of a run use it: its end is asked for when theirs was. */
  readonly used?: true;
  list(services: Services, project: string): Promise<readonly Omit<Made, 'kind'>[]>;
  /** One that is gone already is no mistake. */
  remove(services: Services, id: string): Promise<void>;
}

/** What has a run's name somewhere, in a form of its own. */
function named<T extends { readonly id: string }>(
  found: readonly T[],
  nameOf: (each: T) => string,
): { readonly id: string; readonly run: Run }[] {
  return found.flatMap(each => {
    const run = runOf(nameOf(each));
    return run === undefined ? [] : [{ id: each.id, run }];
  });
}

const neutron = ({ session }: Services) => session.service('network');
const glance = ({ session }: Services) => session.service('image');

/**
 * An administrator sees other projects' networks and images too: only
 * those of the session's project are listed.
 */
export const KINDS: readonly Kind[] = [
  {
    kind: 'server',
    async list({ compute }) {
      const servers = await listServers(compute, { tag: RUN_TAG });
      return servers.flatMap(({ id, name, metadata }) => {
        const run = runOf(name);
        const until = new Date(metadata[KEEP_UNTIL] ?? Number.NaN);
        const kept = Number.isNaN(until.getTime()) ? {} : { keepUntil: until };
        return run === undefined ? [] : [{ id, run, ...kept }];
      });
    },
    remove: ({ compute }, id) => deleteServer(compute, id),
  },
  {
    kind: 'floating IP',
    async list(services, project) {
      const found = await floatingIps.list(neutron(services), { project_id: project });
      return named(found, each => each.description);
    },
    remove: (services, id) => floatingIps.remove(neutron(services), id),
  },
  {
    kind: 'port',
    async list(services, project) {
      return named(await ports.list(neutron(services), { project_id: project }), each => each.name);
    },
    remove: (services, id) => ports.remove(neutron(services), id),
  },
  {
    kind: 'security group',
    used: true,
    async list(services, project) {
      return named(await securityGroups.list(neutron(services), { project_id: project }), each => each.name);
    },
    remove: (services, id) => securityGroups.remove(neutron(services), id),
  },
  {
    kind: 'key',
    async list({ compute }) {
      const keys = await listKeypairs(compute);
      return named(
        keys.map(({ name }) => ({ id: name })),
        each => each.id,
      );
    },
    remove: ({ compute }, id) => deleteKeypair(compute, id),
  },
  {
    kind: 'image',
    async list(services, project) {
      const found = await listImages(glance(services), { tag: RUN_TAG, owner: project });
      return named(found, each => each.tags.find(tag => runOf(tag) !== undefined) ?? '');
    },
    remove: (services, id) => deleteImage(glance(services), id),
  },
];
