/** How a guest learns its name, keys and user-data. */
export type MetadataSource = 'nocloud' | 'config-drive' | 'service';

/** What a cloud tells an instance of itself. */
export interface InstanceData {
  readonly instanceId: string;
  readonly hostName: string;
  /** In the form of authorized_keys. */
  readonly publicKey: string;
  readonly userData: string | Buffer;
  readonly vendorData?: string;
  /** Absent: the guest asks DHCP. */
  readonly network?: StaticNetwork;
}

/** Addresses that no DHCP hands out. */
export interface StaticNetwork {
  /** The interface that leads to the router. */
  readonly first: NetworkInterface;
  /** Another, on a network without a router. */
  readonly second: NetworkInterface;
  readonly router: string;
  readonly resolver: string;
}

export interface NetworkInterface {
  readonly mac: string;
  /** IPv4 address; the network is a /24. */
  readonly address: string;
  /** IPv6 address; the network is a /64. */
  readonly ipv6?: string;
  /** Bytes; absent: the interface's own. */
  readonly mtu?: number;
}
