import { z } from 'zod';

const ADDRESS = z
  .object({ addr: z.string(), version: z.number(), 'OS-EXT-IPS:type': z.string().optional() })
  .transform(raw => ({ address: raw.addr, version: raw.version, kind: raw['OS-EXT-IPS:type'] }));

export const SERVER = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    created: z.string(),
    tags: z.array(z.string()).default([]),
    metadata: z.record(z.string(), z.string()).default({}),
    addresses: z.record(z.string(), z.array(ADDRESS)).default({}),
    fault: z.object({ message: z.string(), code: z.number() }).optional(),
    key_name: z.string().nullish(),
    config_drive: z.union([z.string(), z.boolean()]).nullish(),
    'OS-EXT-STS:task_state': z.string().nullish(),
  })
  .transform(raw => ({
    id: raw.id,
    name: raw.name,
    /** BUILD, ACTIVE, ERROR, SHUTOFF, REBOOT, REBUILD, DELETED and others. */
    status: raw.status,
    /** What Nova is doing to it, if anything. */
    task: raw['OS-EXT-STS:task_state'] ?? undefined,
    /** Why it is in ERROR. */
    fault: raw.fault?.message,
    createdAt: raw.created,
    tags: raw.tags,
    metadata: raw.metadata,
    /** By the name of the network. */
    addresses: raw.addresses,
    keyName: raw.key_name ?? undefined,
    configDrive: raw.config_drive === true || raw.config_drive === 'True',
  }));

/** A server as Nova shows it. */
export type Server = z.output<typeof SERVER>;

export const LINKS = z.array(z.object({ rel: z.string(), href: z.string() })).optional();

export const FLAVOR = z
  .object({
    id: z.string(),
    name: z.string(),
    ram: z.number(),
    vcpus: z.number(),
    disk: z.number(),
    'OS-FLV-DISABLED:disabled': z.boolean().default(false),
  })
  .transform(({ 'OS-FLV-DISABLED:disabled': disabled, ...flavor }) => ({ ...flavor, disabled }));

/** A size of servers: ram in MiB, disk in GiB (0: as large as the image). */
export type Flavor = z.output<typeof FLAVOR>;
