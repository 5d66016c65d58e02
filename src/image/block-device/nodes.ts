import { parse } from 'yaml';
import { z } from 'zod';
import { DefinitionError } from '../../host/errors.ts';

/*
 * diskimage-builder's block-device configuration (DIB_BLOCK_DEVICE_CONFIG, an element's
 * block-device-default.yaml) as nodes. Both of its spellings are understood: nodes nested in each
 * other, and a flat list whose nodes name their base.
 */

const ADVICE = 'disk.config is as diskimage-builder documents DIB_BLOCK_DEVICE_CONFIG';
const text = z.union([z.string(), z.number()]).transform(String);

const fstab = z.strictObject({
  name: text.optional(),
  base: text.optional(),
  options: text.default('defaults'),
  'dump-freq': z.int().nonnegative().default(0),
  'fsck-passno': z.int().nonnegative().default(2),
});
const mount = z.strictObject({
  name: text.optional(),
  base: text.optional(),
  mount_point: z.string().regex(/^\/([^\s/][^\s]*)?$/, 'an absolute path'),
  fstab: fstab.optional(),
});
const mkfs = z.strictObject({
  name: text.optional(),
  base: text.optional(),
  type: text.optional(),
  label: text.optional(),
  opts: text.optional(),
  uuid: text.optional(),
  mount: mount.optional(),
});
const partition = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,36}$/, 'a name of letters, digits, dots and hyphens'),
  size: text,
  type: text.optional(),
  flags: z.array(z.enum(['boot', 'primary'])).default([]),
  mkfs: mkfs.optional(),
  lvm: z.unknown().optional(),
});
const partitioning = z.strictObject({
  base: text,
  label: z.enum(['mbr', 'gpt']),
  align: text.optional(),
  partitions: z.array(partition).min(1),
});
const loop = z.strictObject({
  name: z.string(),
  size: text.optional(),
  directory: text.optional(),
  mkfs: mkfs.optional(),
  partitioning: partitioning.partial({ base: true }).optional(),
});

const NODES = { local_loop: loop, partitioning, mkfs, mount, fstab } as const;

export type PartitioningNode = z.infer<typeof partitioning>;
export type PartitionNode = z.infer<typeof partition>;

/** The nodes of a configuration, with what lies on what. */
export interface Nodes {
  readonly loops: z.infer<typeof loop>[];
  readonly tables: PartitioningNode[];
  /** By the name of what they lie on. */
  readonly filesystems: Map<string, z.infer<typeof mkfs>>;
  readonly mounts: Map<string, z.infer<typeof mount>>;
  readonly fstabs: Map<string, z.infer<typeof fstab>>;
}

/**
 * @param config the YAML text
 * @throws DefinitionError that names the node which is wrong or cannot be made here, such as lvm
 */
export function readNodes(config: string): Nodes {
  return collect(parsed(config));
}

function parsed(config: string): [string, unknown][] {
  if (/^\s*file:/.test(config)) throw mistake('it names a file', "write the file's text in its place");
  let value: unknown;
  try {
    value = parse(config);
  } catch (cause) {
    throw mistake(`it is no YAML: ${cause instanceof Error ? cause.message.split('\n')[0] : ''}`);
  }
  if (!Array.isArray(value)) throw mistake('it is not a list of nodes');
  return value.map(node => {
    const entries = typeof node === 'object' && node !== null ? Object.entries(node) : [];
    const [entry] = entries;
    if (entry === undefined || entries.length > 1) throw mistake('a node is not a map of one key');
    return entry;
  });
}

function collect(nodes: readonly [string, unknown][]): Nodes {
  const read: Nodes = { loops: [], tables: [], filesystems: new Map(), mounts: new Map(), fstabs: new Map() };
  for (const [kind, value] of nodes) {
    refuseLvm(kind);
    if (!Object.hasOwn(NODES, kind)) {
      throw mistake(`it has a node ${kind}`, `known are ${Object.keys(NODES).join(', ')}`);
    }
    if (kind === 'local_loop') addLoop(read, shape(loop, kind, value));
    if (kind === 'partitioning') addTable(read, shape(partitioning, kind, value));
    if (kind === 'mkfs') addFilesystem(read, shape(mkfs, kind, value));
    if (kind === 'mount') addMount(read, shape(mount, kind, value));
    if (kind === 'fstab') addFstab(read, shape(fstab, kind, value));
  }
  return read;
}

function refuseLvm(kind: string): void {
  if (kind !== 'lvm') return;
  throw mistake(
    'lvm needs the device-mapper of a host, and an image is made here without any device',
    'use partitions instead of logical volumes',
  );
}

function addLoop(read: Nodes, node: z.infer<typeof loop>): void {
  read.loops.push(node);
  if (node.mkfs !== undefined) addFilesystem(read, { base: node.name, ...node.mkfs });
  if (node.partitioning !== undefined) addTable(read, { ...node.partitioning, base: node.name });
}

function addTable(read: Nodes, node: z.infer<typeof partitioning>): void {
  read.tables.push(node);
  for (const each of node.partitions) {
    if (each.lvm !== undefined) refuseLvm('lvm');
    if (each.mkfs !== undefined) addFilesystem(read, { base: each.name, ...each.mkfs });
  }
}

function addFilesystem(read: Nodes, node: z.infer<typeof mkfs>): void {
  const base = required(node.base, 'a node mkfs has no base');
  if (read.filesystems.has(base)) throw mistake(`${base} gets two filesystems`);
  const name = node.name ?? `mkfs_${base}`;
  read.filesystems.set(base, { ...node, name });
  if (node.mount !== undefined) addMount(read, { base: name, ...node.mount });
}

function addMount(read: Nodes, node: z.infer<typeof mount>): void {
  const base = required(node.base, `the mount at ${node.mount_point} has no base`);
  const name = node.name ?? `mount_${base}`;
  read.mounts.set(base, { ...node, name });
  if (node.fstab !== undefined) addFstab(read, { base: name, ...node.fstab });
}

function addFstab(read: Nodes, node: z.infer<typeof fstab>): void {
  read.fstabs.set(required(node.base, 'a node fstab has no base'), node);
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw mistake(what);
  return value;
}

function shape<T>(schema: z.ZodType<T>, kind: string, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`;
  throw mistake(`${kind}${at}: ${issue?.message}`);
}

/** An error in the configuration, in words. */
export function mistake(what: string, advice = ADVICE): DefinitionError {
  return new DefinitionError(`the block-device configuration cannot be made: ${what}`, { advice });
}
