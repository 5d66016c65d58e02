import { z } from 'zod';
import { ApiError } from '../errors.ts';
import type { Service } from '../service.ts';
import { resource } from './resource.ts';

const NETWORK = z
  .object({
    id: z.string(),
    name: z.string(),
    subnets: z.array(z.string()),
    shared: z.boolean().default(false),
    'router:external': z.boolean().default(false),
  })
  .transform(({ 'router:external': external, ...rest }) => ({ ...rest, external }));
export type Network = z.output<typeof NETWORK>;

/** `external`: where floating IPs come from. */
export const networks = resource<Network, { name: string }>('network', 'network', 'networks', NETWORK);

const SUBNET = z
  .object({
    id: z.string(),
    name: z.string(),
    network_id: z.string(),
    cidr: z.string(),
    ip_version: z.union([z.literal(4), z.literal(6)]),
    gateway_ip: z.string().nullish(),
  })
  .transform(raw => ({
    id: raw.id,
    name: raw.name,
    network: raw.network_id,
    cidr: raw.cidr,
    version: raw.ip_version,
    /** Undefined: nothing leads out of it. */
    gateway: raw.gateway_ip ?? undefined,
  }));
export type Subnet = z.output<typeof SUBNET>;
export const subnets = resource<Subnet, { network_id: string; cidr: string; ip_version: 4 | 6 }>(
  'subnet',
  'subnet',
  'subnets',
  SUBNET,
);

const PORT = z
  .object({
    id: z.string(),
    name: z.string(),
    network_id: z.string(),
    status: z.string(),
    device_id: z.string(),
    mac_address: z.string(),
    fixed_ips: z.array(z.object({ subnet_id: z.string(), ip_address: z.string() })),
    security_groups: z.array(z.string()),
  })
  .transform(raw => ({
    id: raw.id,
    name: raw.name,
    network: raw.network_id,
    /** ACTIVE, DOWN or BUILD. */
    status: raw.status,
    /** The server's id; empty when there is none. */
    device: raw.device_id,
    mac: raw.mac_address,
    addresses: raw.fixed_ips.map(each => each.ip_address),
    /** In the order of the addresses. */
    subnets: raw.fixed_ips.map(each => each.subnet_id),
    securityGroups: raw.security_groups,
  }));
export type Port = z.output<typeof PORT>;
export const ports = resource<Port, { network_id: string; security_groups?: readonly string[] }>(
  'port',
  'port',
  'ports',
  PORT,
);

const SECURITY_GROUP = z.object({ id: z.string(), name: z.string() });
export type SecurityGroup = z.output<typeof SECURITY_GROUP>;
export const securityGroups = resource<SecurityGroup, { name?: string; description?: string }>(
  'security group',
  'security_group',
  'security_groups',
  SECURITY_GROUP,
);

/** What may come in. */
export interface IngressRule {
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'ipv6-icmp';
  /** One port; of icmp none. */
  readonly port?: number;
  readonly version: 4 | 6;
  /** Default: from anywhere. */
  readonly from?: string;
}

/** Lets something in; a rule that is there already is no mistake. */
export async function allowIngress(neutron: Service, group: string, rule: IngressRule): Promise<void> {
  const what = `add a rule to the security group ${group}`;
  const security_group_rule = {
    security_group_id: group,
    direction: 'ingress',
    ethertype: `IPv${rule.version}`,
    protocol: rule.protocol,
    ...(rule.port === undefined ? {} : { port_range_min: rule.port, port_range_max: rule.port }),
    ...(rule.from === undefined ? {} : { remote_ip_prefix: rule.from }),
  };
  const call = { what, method: 'POST', path: '/security-group-rules', idempotent: true } as const;
  try {
    await neutron.order({ ...call, json: { security_group_rule }, accept: [201] });
  } catch (error) {
    if (!(error instanceof ApiError) || error.httpStatus !== 409) throw error;
    if (!/exists/i.test(error.message)) throw error;
  }
}

const FLOATING_IP = z
  .object({
    id: z.string(),
    floating_ip_address: z.string(),
    floating_network_id: z.string(),
    port_id: z.string().nullable(),
    status: z.string(),
    description: z.string().default(''),
  })
  .transform(raw => ({
    id: raw.id,
    address: raw.floating_ip_address,
    network: raw.floating_network_id,
    port: raw.port_id ?? undefined,
    status: raw.status,
    description: raw.description,
  }));
export type FloatingIp = z.output<typeof FLOATING_IP>;

/** They have no names: ours is in the description. */
export const floatingIps = resource<FloatingIp, { floating_network_id: string; port_id?: string | null }>(
  'floating IP',
  'floatingip',
  'floatingips',
  FLOATING_IP,
);

const ROUTER = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    external_gateway_info: z.object({ network_id: z.string() }).nullish(),
  })
  .transform(raw => ({
    id: raw.id,
    name: raw.name,
    status: raw.status,
    external: raw.external_gateway_info?.network_id,
  }));
export type Router = z.output<typeof ROUTER>;
export const routers = resource<Router, { external_gateway_info?: { network_id: string } }>(
  'router',
  'router',
  'routers',
  ROUTER,
);
