import type { FilesystemName } from '../definition/filesystems.ts';
import { DefinitionError } from '../host/errors.ts';

/** `none`: the disk is one filesystem, without a partition table. */
export type Table = 'gpt' | 'mbr' | 'none';

/** What stands in a volume. `bios-boot` holds GRUB's core image, `empty` nothing of ours. */
export type Content = FilesystemName | 'vfat' | 'swap' | 'bios-boot' | 'empty';

/** One line of /etc/fstab, beside the label. */
export interface Mount {
  /** Absolute path without a slash at its end, but for `/` itself; `none` for swap. */
  readonly point: string;
  readonly options: string;
  readonly dump: number;
  /** Turn of fsck at boot. */
  readonly pass: number;
}

/** What mke2fs is told beyond our own choice. */
export interface Tuning {
  readonly bytesPerInode?: number;
  /** Bytes. */
  readonly journal?: number;
  /** Percent of the blocks that only root may fill. */
  readonly reserved?: number;
}

/** One partition, or the whole disk where there is no table. */
export interface Volume {
  /** Name of the partition; what its UUIDs derive from. */
  readonly name: string;
  /** Counted from 1; 0 is the whole disk. */
  readonly number: number;
  /** What sfdisk takes as type: a GUID on GPT, two hex digits on MBR. */
  readonly type: string;
  readonly content: Content;
  /** Bytes; absent: as much as the content needs. */
  readonly bytes?: number;
  readonly label?: string;
  /** Of the filesystem; absent: derived from the build's inputs. */
  readonly uuid?: string;
  readonly tuning?: Tuning;
  readonly mount?: Mount;
  /** Whether BIOSes should see it as active; MBR only. */
  readonly active?: true;
}

/** What a disk is to hold, in the order in which it lies there; one volume at most has no size of its own. */
export interface DiskPlan {
  readonly table: Table;
  readonly volumes: readonly Volume[];
}

/** Of the root filesystem, as diskimage-builder names it; XFS takes twelve characters. */
export const ROOT_LABELS: Readonly<Record<FilesystemName, string>> = {
  ext4: 'cloudimg-rootfs',
  xfs: 'img-rootfs',
};

type Kind = 'bios' | 'esp' | 'linux' | 'swap';

/** GPT: UEFI specification 5.3.3, GRUB's manual, Discoverable Partitions; MBR: the usual bytes. */
export const TYPES: Readonly<Record<'gpt' | 'mbr', Readonly<Record<Kind, string>>>> = {
  gpt: {
    bios: '21686148-6449-6E6F-744E-656564454649',
    esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
    linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
    swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  },
  mbr: { bios: 'da', esp: 'ef', linux: '83', swap: '82' },
};

/** @throws DefinitionError when nothing is to be mounted at `/` */
export function rootOf(plan: DiskPlan): Volume {
  const root = plan.volumes.find(each => each.mount?.point === '/');
  if (root !== undefined) return root;
  throw new DefinitionError('the disk has no root filesystem', { advice: 'mount one of its volumes at /' });
}

/** The volume that holds /boot. */
export function bootOf(plan: DiskPlan): Volume {
  return plan.volumes.find(each => each.mount?.point === '/boot') ?? rootOf(plan);
}

/** Whether the disk is made to boot from BIOS, from UEFI. */
export function firmwaresOf({ table, volumes }: DiskPlan): { bios: boolean; uefi: boolean } {
  return {
    bios: table === 'mbr' || volumes.some(each => each.content === 'bios-boot'),
    uefi: table !== 'none' && volumes.some(each => each.mount?.point === '/boot/efi'),
  };
}

/** The volumes below one in the tree, the shortest path first. */
export function volumesBelow(plan: DiskPlan, volume: Volume): string[] {
  const point = volume.mount?.point ?? '';
  if (!point.startsWith('/')) return [];
  const within = point === '/' ? '/' : `${point}/`;
  return plan.volumes
    .map(each => each.mount?.point ?? '')
    .filter(each => each !== point && each.startsWith(within))
    .sort((a, b) => a.length - b.length);
}
