import { alternatives, closest } from '../../definition/words.ts';
import { DefinitionError } from '../../host/errors.ts';
import { chooseFlavor, listFlavors } from '../../openstack/compute/flavors.ts';
import type { Flavor } from '../../openstack/compute/types.ts';
import { type Network, networks, ports, routers } from '../../openstack/network/network.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import type { Service } from '../../openstack/service.ts';
import type { Wishes } from './types.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** Bytes. */
export interface Needs {
  readonly memory: number;
  /** Of the image's disk; the server's is larger. */
  readonly imageSize: number;
}

export interface Chosen {
  readonly flavor: Flavor;
  readonly network: Network;
  /** The external network that gives floating IPs; absent: the server's own address is reached. */
  readonly floatingNetwork?: Network;
}

/** @throws DefinitionError when a name is not there, or a rule finds none or several */
export async function choosePlace(services: Services, wishes: Wishes, needs: Needs): Promise<Chosen> {
  const neutron = services.session.service('network');
  const [flavor, all] = await Promise.all([flavorFor(services, wishes, needs), networks.list(neutron)]);
  const network = networkFor(all, wishes.network);
  const floatingNetwork = await floatingNetworkFor(neutron, all, network, wishes.floatingNetwork);
  return { flavor, network, ...(floatingNetwork && { floatingNetwork }) };
}

/** A root filesystem that is to be seen growing needs a disk that is larger than the image's. */
async function flavorFor({ compute }: Services, { flavor }: Wishes, needs: Needs): Promise<Flavor> {
  const disk = Math.floor(needs.imageSize / GIB) + 1;
  const ram = Math.ceil(needs.memory / MIB);
  const chosen = chooseFlavor(await listFlavors(compute), flavor ?? { ram, disk, vcpus: 1 });
  if (chosen.disk >= disk) return chosen;
  throw new DefinitionError(
    `the flavor ${chosen.name} has a disk of ${chosen.disk} GiB, and a root filesystem that grows needs ${disk}`,
    { advice: 'name a larger one, or none' },
  );
}

function networkFor(all: readonly Network[], wanted: string | undefined): Network {
  if (wanted !== undefined) return named(all, wanted);
  const usable = all.filter(each => !each.external && each.subnets.length > 0);
  const own = usable.filter(each => !each.shared);
  const candidates = own.length > 0 ? own : usable;
  const [only, ...more] = candidates;
  if (only !== undefined && more.length === 0) return only;
  throw new DefinitionError(
    only === undefined ? 'the project has no network for a server' : 'the project has several networks',
    { advice: only === undefined ? 'make one, or name one' : `name ${namesOf(candidates)}` },
  );
}

function named(all: readonly Network[], wanted: string): Network {
  const found = all.filter(each => each.name === wanted || each.id === wanted);
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  if (more.length > 0) {
    throw new DefinitionError(`several networks are called ${wanted}`, {
      advice: `name one by its id: ${alternatives(found.map(({ id }) => id))}`,
    });
  }
  const meant = closest(
    wanted,
    all.map(({ name }) => name),
  );
  throw new DefinitionError(`the project sees no network ${wanted}`, {
    advice: meant === undefined ? `it sees ${namesOf(all)}` : `did you mean ${meant}?`,
  });
}

function namesOf(all: readonly Network[]): string {
  return alternatives(all.map(({ name, id }) => (name === '' ? id : name)));
}

async function floatingNetworkFor(
  neutron: Service,
  all: readonly Network[],
  network: Network,
  wanted: string | undefined,
): Promise<Network | undefined> {
  if (wanted === 'none') return undefined;
  if (wanted !== undefined) return named(all, wanted);
  const filter = { network_id: network.id, device_owner: 'network:router_interface' };
  for (const { device } of await ports.list(neutron, filter)) {
    const { external } = await routers.get(neutron, device);
    const found = all.find(({ id }) => id === external);
    if (found !== undefined) return found;
  }
  return undefined;
}
