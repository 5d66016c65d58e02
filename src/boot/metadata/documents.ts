import type { InstanceData, NetworkInterface, StaticNetwork } from './types.ts';

/** Files by their paths. */
export type Documents = Readonly<Record<string, string | Buffer>>;

/** What cloud-init's NoCloud data source reads. JSON is YAML too, and leaves no question of quoting. */
export function noCloudDocuments({ instanceId, hostName, publicKey, ...data }: InstanceData): Documents {
  const metaData = { 'instance-id': instanceId, 'local-hostname': hostName, 'public-keys': [publicKey] };
  return {
    'meta-data': `${JSON.stringify(metaData)}\n`,
    'user-data': data.userData,
    ...(data.vendorData !== undefined && { 'vendor-data': data.vendorData }),
  };
}

/** What OpenStack puts on a config drive, and behind its metadata service. */
export function openStackDocuments({ instanceId, hostName, publicKey, ...data }: InstanceData): Documents {
  const folder = 'openstack/latest';
  const metaData = {
    ...{ uuid: instanceId, name: hostName, hostname: hostName, launch_index: 0 },
    public_keys: { 'image-factory': publicKey },
  };
  // As Nova's dynamic vendordata: a member by the name of who is to read it.
  const vendorData = { 'cloud-init': data.vendorData };
  return {
    [`${folder}/meta_data.json`]: JSON.stringify(metaData),
    [`${folder}/user_data`]: data.userData,
    ...(data.vendorData !== undefined && { [`${folder}/vendor_data.json`]: JSON.stringify(vendorData) }),
    ...(data.network && { [`${folder}/network_data.json`]: JSON.stringify(networkData(data.network)) }),
  };
}

/** Nova's network_data.json. */
export function networkData({ first, second, router, resolver }: StaticNetwork) {
  const link = (id: string, { mac, mtu }: NetworkInterface) => ({
    ...{ id, type: 'ovs', ethernet_mac_address: mac, vif_id: id, mtu: mtu ?? null },
  });
  const own = (id: string, { address }: NetworkInterface, routes: readonly unknown[]) => ({
    ...{ id: `${id}-ipv4`, network_id: id, link: id, type: 'ipv4' },
    ...{ ip_address: address, netmask: '255.255.255.0', routes },
  });
  const ipv6 = (id: string, { ipv6: address }: NetworkInterface) => ({
    ...{ id: `${id}-ipv6`, network_id: id, link: id, type: 'ipv6' },
    ...{ ip_address: address, netmask: '64', routes: [] },
  });
  const toAll = { network: '0.0.0.0', netmask: '0.0.0.0', gateway: router };
  return {
    links: [link('first', first), link('second', second)],
    networks: [
      own('first', first, [toAll]),
      ...(first.ipv6 === undefined ? [] : [ipv6('first', first)]),
      own('second', second, []),
      ...(second.ipv6 === undefined ? [] : [ipv6('second', second)]),
    ],
    services: [{ type: 'dns', address: resolver }],
  };
}
