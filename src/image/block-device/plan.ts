import { isFilesystem } from '../../definition/filesystems.ts';
import {
  type DiskPlan,
  type Mount,
  ROOT_LABELS,
  type Table,
  type Tuning,
  TYPES,
  type Volume,
} from '../volume.ts';
import { mistake, type Nodes, type PartitioningNode, type PartitionNode, readNodes } from './nodes.ts';
import { blockDeviceSize } from './size.ts';

/**
 * diskimage-builder's block-device configuration as a plan of our own.
 * @param config the YAML text
 * @throws DefinitionError that names the node which is wrong or cannot be made here, such as lvm
 */
export function planOfBlockDeviceConfig(config: string): DiskPlan {
  const read = readNodes(config);
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

function wholeDisk(read: Nodes, disk: string): DiskPlan {
  const made = filesystemOn(read, disk);
  if (made === undefined) throw mistake(`${disk} has neither partitions nor a filesystem`);
  return { table: 'none', volumes: [{ name: 'root', number: 0, type: '', ...made }] };
}

function partitioned(read: Nodes, disk: string, node: PartitioningNode): DiskPlan {
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

function typeOf(table: Exclude<Table, 'none'>, { name, type }: PartitionNode): string {
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

function filesystemOn(read: Nodes, base: string): Made | undefined {
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

function mountOf(read: Nodes, name: string): Mount | undefined {
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
