import { createKeypair } from '../../openstack/compute/keypairs.ts';
import type { NewServer } from '../../openstack/compute/servers.ts';
import { createServer } from '../../openstack/compute/servers.ts';
import {
  allowIngress,
  type FloatingIp,
  floatingIps,
  type Network,
  type Port,
  ports,
  securityGroups,
} from '../../openstack/network/network.ts';
import type { RunJournal } from '../../openstack/runs/journal.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import { RUN_TAG, type Run } from '../../openstack/runs/run.ts';

const SSH = 22;

/** Makes what a server needs, each thing named and tagged by the run, and written down before it is asked for. */
export class Maker {
  readonly services: Services;
  readonly run: Run;
  readonly #journal: RunJournal;

  constructor(services: Services, run: Run, journal: RunJournal) {
    this.services = services;
    this.run = run;
    this.#journal = journal;
  }

  get tags(): string[] {
    return [RUN_TAG, this.run.name];
  }

  get #neutron() {
    return this.services.session.service('network');
  }

  intend(kind: string): Promise<void> {
    return this.#journal.intend(kind);
  }

  async key(publicKey: string): Promise<void> {
    await this.intend('key');
    await createKeypair(this.services.compute, this.run.name, publicKey);
  }

  /** A port behind a group of its own, through which ssh and pings come in. */
  async port(network: Network): Promise<Port> {
    const own = { name: this.run.name };
    await this.intend('security group');
    const description = { description: 'image-factory: ssh to an image that is being verified' };
    const group = await securityGroups.create(this.#neutron, own, description, this.tags);
    for (const version of [4, 6] as const) {
      await allowIngress(this.#neutron, group.id, { protocol: 'tcp', port: SSH, version });
      const icmp = version === 4 ? 'icmp' : 'ipv6-icmp';
      await allowIngress(this.#neutron, group.id, { protocol: icmp, version });
    }
    await this.intend('port');
    const body = { network_id: network.id, security_groups: [group.id] };
    return ports.create(this.#neutron, own, body, this.tags);
  }

  async floatingIp(network: Network, port: Port): Promise<FloatingIp> {
    await this.intend('floating IP');
    const own = { description: this.run.name };
    const body = { floating_network_id: network.id, port_id: port.id };
    return floatingIps.create(this.#neutron, own, body, this.tags);
  }

  /**
   * @param role among the servers of the run: by it one is found whose answer was lost
   * @returns its id
   */
  async server(role: string, server: Omit<NewServer, 'name' | 'tags'>): Promise<string> {
    await this.intend(`server ${role}`);
    const tags = [RUN_TAG, `${this.run.name}-${role}`];
    return createServer(this.services.compute, { ...server, name: this.run.name, tags });
  }
}
