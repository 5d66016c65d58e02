import { parse } from 'yaml';
import { z } from 'zod';
import { isFilesystem } from '../definition/filesystems.ts';
import { DefinitionError } from '../host/errors.ts';
import { blockDeviceSize } from './block-device-size.ts';
import {
  type DiskPlan,
  type Mount,
  ROOT_LABELS,
  type Table,
  type Tuning,
  TYPES,
  type Volume,
} from './volume.ts';

/*
 * diskimage-builder's block-device configuration (DIB_BLOCK_DEVICE_CONFIG, an element's
 * block-device-default.yaml) as a plan of our own. Both of its spellings are understood: nodes nested in each
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

interface Read {
  readonly loops: z.infer<typeof loop>[];
  readonly tables: z.infer<typeof partitioning>[];
  /** By the name of what they lie on. */
  readonly filesystems: Map<string, z.infer<typeof mkfs>>;
  readonly mounts: Map<string, z.infer<typeof mount>>;
  readonly fstabs: Map<string, z.infer<typeof fstab>>;
}

/**
 * @param config the YAML text
 * @throws DefinitionError that names the node which is wrong or cannot be made here, such as lvm
 */
export function planOfBlockDeviceConfig(config: string): DiskPlan {
  const read = collect(parseNodes(config));
  const [disk, second] = read.loops;
  if (disk === undefined) throw mistake('it has no local_loop');
  if (second !== undefined) throw mistake(`it makes two disks, ${disk.name} and ${second.name}`);
  const [table, another] = read.tables;
  if (another !== undefined) throw mistake('it partitions more than once');
  const plan = table === undefined ? wholeDisk(read, disk.name) : partitioned(read, disk.name, table);
  const open = plan.volumes.filter(each => each.bytes === undefined);
  const [, more] = open;
  if (more !== undefined) throw mistake(`partition ${more.name} asks for 100% of what another one has taken`);
  const unsized = open.find(each => !isFilesystem(each.content));
  if (unsized !== undefined) throw mistake(`partition ${unsized.name} has neither a size nor a filesystem`);
  return plan;
}

function parseNodes(config: string): [string, unknown][] {
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

function collect(nodes: readonly [string, unknown][]): Read {
  const read: Read = { loops: [], tables: [], filesystems: new Map(), mounts: new Map(), fstabs: new Map() };
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

function addLoop(read: Read, node: z.infer<typeof loop>): void {
  read.loops.push(node);
  if (node.mkfs !== undefined) addFilesystem(read, { base: node.name, ...node.mkfs });
  if (node.partitioning !== undefined) addTable(read, { ...node.partitioning, base: node.name });
}

function addTable(read: Read, node: z.infer<typeof partitioning>): void {
  read.tables.push(node);
  for (const each of node.partitions) {
    if (each.lvm !== undefined) refuseLvm('lvm');
    if (each.mkfs !== undefined) addFilesystem(read, { base: each.name, ...each.mkfs });
  }
}

function addFilesystem(read: Read, node: z.infer<typeof mkfs>): void {
  const base = required(node.base, 'a node mkfs has no base');
  if (read.filesystems.has(base)) throw mistake(`${base} gets two filesystems`);
  const name = node.name ?? `mkfs_${base}`;
  read.filesystems.set(base, { ...node, name });
  if (node.mount !== undefined) addMount(read, { base: name, ...node.mount });
}

function addMount(read: Read, node: z.infer<typeof mount>): void {
  const base = required(node.base, `the mount at ${node.mount_point} has no base`);
  const name = node.name ?? `mount_${base}`;
  read.mounts.set(base, { ...node, name });
  if (node.fstab !== undefined) addFstab(read, { base: name, ...node.fstab });
}

function addFstab(read: Read, node: z.infer<typeof fstab>): void {
  read.fstabs.set(required(node.base, 'a node fstab has no base'), node);
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw mistake(what);
  return value;
}

function wholeDisk(read: Read, disk: string): DiskPlan {
  const made = filesystemOn(read, disk);
  if (made === undefined) throw mistake(`${disk} has neither partitions nor a filesystem`);
  return { table: 'none', volumes: [{ name: 'root', number: 0, type: '', ...made }] };
}

function partitioned(read: Read, disk: string, node: z.infer<typeof partitioning>): DiskPlan {
  const { base, label: table, partitions } = node;
  if (base !== disk) throw mistake(`partitioning lies on ${base}, which is not there`);
  if (table === 'mbr' && partitions.length > 4) {
    throw mistake(`${partitions.length} partitions need logical ones on MBR`, 'use label: gpt');
  }
  const names = new Set(partitions.map(each => each.name));
  if (names.size < partitions.length) throw mistake('two partitions have one name');
  const stray = [...read.filesystems.keys()].find(each => !names.has(each));
  if (stray !== undefined) throw mistake(`a filesystem lies on ${stray}, which is not there`);
  const volumes = partitions.map((each, index): Volume => {
    const type = typeOf(table, each);
    const bytes = each.size.trim() === '100%' ? undefined : blockDeviceSize(each.size);
    if (Number.isNaN(bytes)) {
      throw mistake(
        `the size ${JSON.stringify(each.size)} of partition ${each.name} is not known before the disk is made`,
        'give 512MiB, 2G or the like, or 100% for one that is as large as its content',
      );
    }
    return {
      ...{ name: each.name, number: index + 1, type },
      ...(filesystemOn(read, each.name) ?? { content: type === TYPES.gpt.bios ? 'bios-boot' : 'empty' }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(table === 'mbr' && each.flags.includes('boot') ? { active: true } : {}),
    };
  });
  return { table, volumes };
}

/** sgdisk's codes. */
const CODES: Readonly<Record<string, string>> = {
  EF00: TYPES.gpt.esp,
  EF02: TYPES.gpt.bios,
  '8200': TYPES.gpt.swap,
  '8300': TYPES.gpt.linux,
  '8302': '933AC7E1-2EB4-4F13-B844-0E14E2AEF915',
  '8304': '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
  '8310': '4D21B016-B534-45C2-A9FB-5C16E091FD2D',
  FD00: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
};

function typeOf(table: Exclude<Table, 'none'>, { name, type }: z.infer<typeof partition>): string {
  if (type === undefined) return TYPES[table].linux;
  const code = type.replace(/^0x/i, '').toUpperCase();
  const known: string | undefined =
    table === 'mbr' ? /^[0-9A-F]{1,2}$/.exec(code)?.[0].toLowerCase() : (CODES[code] ?? guid(code));
  if (known !== undefined) return known;
  throw mistake(
    `partition ${name} is of the unknown type ${type}`,
    `known are ${Object.keys(CODES).join(', ')} and GUIDs`,
  );
}

function guid(code: string): string | undefined {
  return /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.exec(code)?.[0];
}

type Made = Pick<Volume, 'content' | 'label' | 'uuid' | 'tuning' | 'mount'>;

const LONGEST_LABEL = { ext4: 16, xfs: 12, vfat: 11 } as const;

function isMade(type: string): type is keyof typeof LONGEST_LABEL {
  return Object.hasOwn(LONGEST_LABEL, type);
}

function filesystemOn(read: Read, base: string): Made | undefined {
  const node = read.filesystems.get(base);
  if (node === undefined) return undefined;
  const { name = '', type = 'ext4', uuid } = node;
  if (!isMade(type)) throw mistake(`${base} gets the filesystem ${type}`, 'ext4, xfs and vfat can be made');
  const own =
    node.label ??
    (name === 'mkfs_root'
      ? ROOT_LABELS[type === 'xfs' ? 'xfs' : 'ext4'].slice(0, LONGEST_LABEL[type])
      : name);
  const label = type === 'vfat' ? own.toUpperCase() : own;
  if (label.length > LONGEST_LABEL[type]) {
    throw mistake(`the label ${label} is too long for ${type}`, `${LONGEST_LABEL[type]} characters at most`);
  }
  const mounted = mountOf(read, name);
  return {
    content: type,
    label,
    ...(uuid === undefined ? {} : { uuid }),
    ...(node.opts === undefined ? {} : { tuning: tuningOf(base, type, node.opts) }),
    ...(mounted === undefined ? {} : { mount: mounted }),
  };
}

function mountOf(read: Read, name: string): Mount | undefined {
  const node = read.mounts.get(name);
  if (node === undefined) return undefined;
  const line = read.fstabs.get(node.name ?? '');
  const point = node.mount_point;
  if (line === undefined) return { point, options: 'defaults', dump: 0, pass: point === '/' ? 1 : 2 };
  return { point, options: line.options, dump: line['dump-freq'], pass: line['fsck-passno'] };
}

const OPTIONS = new Map<string, keyof Tuning>([
  ['-i', 'bytesPerInode'],
  ['-J', 'journal'],
  ['-m', 'reserved'],
]);

/** The options of mke2fs that change no more than how its room is shared. */
function tuningOf(base: string, type: string, opts: string): Tuning {
  const words = opts.trim().split(/\s+/);
  const tuning: Tuning[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const [option, value = ''] = words.slice(index);
    const number = Number(/^(?:size=)?(\d+)$/.exec(value)?.[1] ?? Number.NaN);
    const key = OPTIONS.get(option ?? '');
    if (type !== 'ext4' || key === undefined || Number.isNaN(number)) {
      throw mistake(
        `the mkfs opts ${JSON.stringify(opts)} of ${base} are not known`,
        'for ext4, -i N, -m N and -J size=N are',
      );
    }
    tuning.push({ [key]: key === 'journal' ? number * 1024 * 1024 : number });
  }
  return Object.assign({}, ...tuning);
}

function shape<T>(schema: z.ZodType<T>, kind: string, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`;
  throw mistake(`${kind}${at}: ${issue?.message}`);
}

function mistake(what: string, advice = ADVICE): DefinitionError {
  return new DefinitionError(`the block-device configuration cannot be made: ${what}`, { advice });
}
