import { createHash } from 'node:crypto';
import { type DiskPlan, rootOf, type Table, type Volume } from './volume.ts';

/** Where the volumes of a disk lie. */

export const SECTOR = 512;
const MIB = 1024 * 1024;

export interface PlacedVolume extends Volume {
  /** In sectors of 512 bytes. */
  readonly start: number;
  readonly size: number;
  /** Of the partition. */
  readonly partitionUuid: string;
  /** Of what stands in it. */
  readonly uuid: string;
}

export interface DiskLayout {
  readonly table: Table;
  /** Bytes. */
  readonly size: number;
  readonly diskUuid: string;
  /** As they lie on the disk. */
  readonly volumes: readonly PlacedVolume[];
}

/**
 * Lays the volumes one behind the other, at whole MiB.
 * @param openBytes size of the volume that the plan leaves open
 * @param seed what the UUIDs derive from
 */
export function placeVolumes(plan: DiskPlan, openBytes: number, seed: string): DiskLayout {
  let next = plan.table === 'none' ? 0 : MIB;
  const volumes = plan.volumes.map(volume => {
    const bytes = Math.ceil((volume.bytes ?? openBytes) / MIB) * MIB;
    const start = next;
    next += bytes;
    return {
      ...volume,
      start: start / SECTOR,
      size: bytes / SECTOR,
      partitionUuid: derivedUuid(`${seed} ${volume.name}`),
      uuid: filesystemUuid(volume, seed),
    };
  });
  return {
    table: plan.table,
    // One MiB behind the last volume holds the second table.
    size: next + (plan.table === 'gpt' ? MIB : 0),
    diskUuid: derivedUuid(`${seed} disk`),
    volumes,
  };
}

/** UUID of the filesystem in a volume: known before the disk is there, for boot loader and fstab. */
export function filesystemUuid({ name, uuid }: Volume, seed: string): string {
  return uuid ?? derivedUuid(`${seed} ${name} filesystem`);
}

/** The volume that is mounted at /. */
export function placedRoot(layout: DiskLayout): PlacedVolume {
  const root = rootOf(layout);
  const placed = layout.volumes.find(each => each.name === root.name);
  if (placed === undefined) throw new TypeError('a layout without the volumes of its plan');
  return placed;
}

/** The script that sfdisk reads. */
export function sfdiskScript(layout: DiskLayout): string {
  const numbered = [...layout.volumes].sort((a, b) => a.number - b.number);
  const place = ({ number, start, size, type }: PlacedVolume) =>
    `${number} : start=${start}, size=${size}, type=${type}`;
  if (layout.table === 'mbr') {
    const id = layout.diskUuid.slice(0, 8);
    const rows = numbered.map(each => `${place(each)}${each.active ? ', bootable' : ''}`);
    return ['label: dos', `label-id: 0x${id}`, 'unit: sectors', '', ...rows, ''].join('\n');
  }
  const head = ['label: gpt', `label-id: ${layout.diskUuid}`, 'unit: sectors', 'first-lba: 34'];
  const rows = numbered.map(each => `${place(each)}, uuid=${each.partitionUuid}, name="${each.name}"`);
  return [...head, '', ...rows, ''].join('\n');
}

/** A UUID (RFC 9562 version 8) made from a text, so that the same input gives the same disk. */
export function derivedUuid(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
