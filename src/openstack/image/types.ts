import { z } from 'zod';

export const VISIBILITIES = ['private', 'shared', 'community', 'public'] as const;
export type ImageVisibility = (typeof VISIBILITIES)[number];

/** Keys of an image that Glance itself defines; every other one is a property that somebody set. */
const OWN = {
  id: z.string(),
  name: z.string().nullable(),
  status: z.string(),
  visibility: z.enum(VISIBILITIES),
  os_hidden: z.boolean().default(false),
  protected: z.boolean(),
  owner: z.string().nullish(),
  tags: z.array(z.string()),
  size: z.number().int().nullish(),
  disk_format: z.string().nullable(),
  container_format: z.string().nullable(),
  min_disk: z.number().int(),
  min_ram: z.number().int(),
  os_hash_algo: z.string().nullish(),
  os_hash_value: z.string().nullish(),
  created_at: z.string(),
  updated_at: z.string(),
  /** The names of the stores that hold it, where there are several. */
  stores: z.string().optional(),
  os_glance_failed_import: z.string().optional(),
};

/** Glance writes these too; they say nothing to us. */
const IGNORED = new Set(['self', 'file', 'schema', 'checksum', 'virtual_size', 'direct_url', 'locations']);

export const IMAGE = z.looseObject(OWN).transform(raw => ({
  id: raw.id,
  name: raw.name ?? '',
  /** queued, saving, uploading, importing, active, deactivated, killed, deleted, pending_delete */
  status: raw.status,
  visibility: raw.visibility,
  hidden: raw.os_hidden,
  protected: raw.protected,
  owner: raw.owner ?? undefined,
  tags: raw.tags,
  /** Bytes; undefined before there are any. */
  size: raw.size ?? undefined,
  diskFormat: raw.disk_format ?? undefined,
  containerFormat: raw.container_format ?? undefined,
  /** GiB. */
  minDisk: raw.min_disk,
  /** MiB. */
  minRam: raw.min_ram,
  /** Glance's own digest of the bytes it stored; the operator chooses the algorithm, as a rule sha512. */
  hash:
    raw.os_hash_algo && raw.os_hash_value
      ? { algorithm: raw.os_hash_algo, value: raw.os_hash_value }
      : undefined,
  createdAt: raw.created_at,
  updatedAt: raw.updated_at,
  stores: raw.stores?.split(',') ?? [],
  /** Stores into which an import did not succeed. */
  failedStores: raw.os_glance_failed_import?.split(',').filter(each => each !== '') ?? [],
  properties: propertiesOf(raw),
}));

/** An image as Glance shows it. */
export type Image = z.output<typeof IMAGE>;

export const IMAGE_PAGE = z.object({ images: z.array(IMAGE), next: z.string().optional() });

function propertiesOf(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, value]) =>
      typeof value === 'string' && !(key in OWN) && !IGNORED.has(key) ? [[key, value]] : [],
    ),
  );
}
