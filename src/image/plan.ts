import type { FilesystemName } from '../definition/filesystems.ts';
import type { Disk, DiskLayoutName } from '../definition/types.ts';
import { DefinitionError } from '../host/errors.ts';
import { planOfBlockDeviceConfig } from './block-device/plan.ts';
import { type DiskPlan, type Mount, ROOT_LABELS, rootOf, type Table, TYPES, type Volume } from './volume.ts';

const MIB = 1024 * 1024;
const ESP_BYTES = 64 * MIB;

/** Numbers on GPT: high ones for what stands before the root, as cloud images have it, and 1 for the root. */
const NUMBERS: Readonly<Record<string, number>> = {
  bios: 14,
  esp: 15,
  boot: 16,
  var: 17,
  home: 18,
  swap: 19,
};

const ROOTS: Readonly<Record<FilesystemName, Mount>> = {
  ext4: { point: '/', options: 'rw,discard,errors=remount-ro,x-systemd.growfs', dump: 0, pass: 1 },
  xfs: { point: '/', options: 'rw,discard,x-systemd.growfs', dump: 0, pass: 0 },
};

/** Turn of fsck at boot, of what is not the root; for XFS there is nothing to do. */
const PASSES: Readonly<Record<FilesystemName, number>> = { ext4: 2, xfs: 0 };

const LAYOUTS: Readonly<Record<DiskLayoutName, { table: Table; bios: boolean; uefi: boolean }>> = {
  'gpt-hybrid': { table: 'gpt', bios: true, uefi: true },
  'gpt-bios': { table: 'gpt', bios: true, uefi: false },
  'gpt-uefi': { table: 'gpt', bios: false, uefi: true },
  mbr: { table: 'mbr', bios: true, uefi: false },
  'mbr-hybrid': { table: 'mbr', bios: true, uefi: true },
  filesystem: { table: 'none', bios: false, uefi: false },
};

/**
 * What the factory file's `disk` asks for.
 * @throws DefinitionError where its parts do not go together
 */
export function diskPlan(disk: Disk): DiskPlan {
  const plan = disk.config === undefined ? namedPlan(disk) : planOfBlockDeviceConfig(disk.config);
  rootOf(plan);
  return plan;
}

function namedPlan({ layout, filesystem, partitions }: Disk): DiskPlan {
  const { table, bios, uefi } = LAYOUTS[layout];
  const root = ROOTS[filesystem];
  const label = ROOT_LABELS[filesystem];
  if (table === 'none') {
    if (Object.keys(partitions).length > 0) {
      throw new DefinitionError('a disk of the layout filesystem has no partitions', {
        advice: 'take disk.partitions away, or choose another disk.layout',
      });
    }
    return {
      table,
      volumes: [{ name: 'root', number: 0, type: '', content: filesystem, label, mount: root }],
    };
  }
  const types = TYPES[table];
  const volumes: Omit<Volume, 'number'>[] = [];
  if (bios && table === 'gpt') {
    volumes.push({ name: 'bios', type: types.bios, content: 'bios-boot', bytes: MIB });
  }
  if (uefi) {
    const mount = { point: '/boot/efi', options: 'umask=0077', dump: 0, pass: 1 };
    volumes.push({ name: 'esp', type: types.esp, content: 'vfat', bytes: ESP_BYTES, label: 'UEFI', mount });
  }
  for (const name of ['boot', 'var', 'home'] as const) {
    const bytes = partitions[name];
    if (bytes === undefined) continue;
    // A boot loader reads /boot: of the two, what every one reads.
    const content = name === 'boot' ? 'ext4' : filesystem;
    const mount = { point: `/${name}`, options: 'rw,discard', dump: 0, pass: PASSES[content] };
    volumes.push({ name, type: types.linux, content, bytes, label: name, mount });
  }
  if (partitions.swap !== undefined) {
    const mount = { point: 'none', options: 'sw', dump: 0, pass: 0 };
    volumes.push({
      ...{ name: 'swap', type: types.swap, content: 'swap', bytes: partitions.swap, label: 'swap', mount },
    });
  }
  volumes.push({
    ...{ name: 'root', type: types.linux, content: filesystem, label, mount: root },
    ...(table === 'mbr' ? { active: true } : {}),
  });
  return { table, volumes: numbered(table, volumes) };
}

/** The root is number 1 wherever it lies. */
function numbered(table: Table, volumes: readonly Omit<Volume, 'number'>[]): Volume[] {
  let next = 2;
  const plain = volumes.map(each => {
    if (each.name === 'root') return { ...each, number: 1 };
    return { ...each, number: table === 'gpt' ? (NUMBERS[each.name] ?? next++) : next++ };
  });
  const most = table === 'mbr' ? 4 : 128;
  if (plain.length <= most) return plain;
  throw new DefinitionError(
    `an MBR disk has ${most} primary partitions, and this one would have ${plain.length}`,
    {
      advice: 'choose a GPT layout',
    },
  );
}
