import { chmod, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { isFilesystem } from '../definition/filesystems.ts';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { ToolError } from '../host/process.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { assembleDisk, RAW } from '../image/assemble.ts';
import { type DiskLayout, placeVolumes } from '../image/layout.ts';
import { diskPlan } from '../image/plan.ts';
import {
  entriesBelow,
  FIND_FORMAT,
  type FilesystemSize,
  filesystemSize,
  parseFind,
  type TreeEntry,
} from '../image/tree-size.ts';
import { type DiskPlan, type Volume, volumesBelow } from '../image/volume.ts';
import { LEAST_LOG, xfsSize } from '../image/xfs.ts';
import type { BuildLog } from './build-log.ts';
import { TREE } from './chroot.ts';

/**
 * Share of the filesystem that stays free, by attempt. The kernel keeps 2 % of ext4 for itself, and a first
 * boot writes some MiB before the root has grown; free space stays below 5 % all the same.
 */
const SLACK = [0.036, 0.06, 0.1];
const MIB = 1024 * 1024;

export interface DiskRequest {
  readonly line: ImageLine;
  /** What UUIDs derive from. */
  readonly seed: string;
  readonly epoch: number;
  /** The directory of results as we see it. */
  readonly out: string;
}

export interface BuiltDisk {
  /** Absolute path. */
  readonly raw: string;
  readonly layout: DiskLayout;
}

/** The entries of the tree as they stand. */
export async function listTree(sandbox: Sandbox): Promise<TreeEntry[]> {
  const found = await sandbox.run(['find', TREE, '-xdev', '-printf', FIND_FORMAT]);
  return parseFind(found.stdout);
}

/**
 * The raw disk, from the tree.
 * @throws DefinitionError when a volume of a fixed size is too small for what is in it
 */
export async function buildDisk(
  context: Context,
  sandbox: Sandbox,
  request: DiskRequest,
  log: BuildLog,
): Promise<BuiltDisk> {
  const plan = diskPlan(request.line.disk);
  const entries = await log.timed('measure', () => measure(sandbox, plan, request.epoch));
  for (const [attempt, slack] of SLACK.entries()) {
    const sizes = volumeSizes(plan, entries, request.line.disk, slack);
    try {
      return await log.timed('disk', () => attemptDisk(sandbox, request, plan, sizes));
    } catch (error) {
      const small =
        error instanceof ToolError &&
        /Could not allocate (block|inode)|No space left on device/.test(error.message);
      if (!small || attempt === SLACK.length - 1) throw error;
      context.log.debug('a filesystem is too small, once more with more room');
    }
  }
  throw new Error('unreachable');
}

/** Every mount point has its directory, and nothing tells who has read it last; then the tree is counted. */
async function measure(sandbox: Sandbox, plan: DiskPlan, epoch: number): Promise<TreeEntry[]> {
  const points = plan.volumes.flatMap(({ mount }) =>
    mount?.point.startsWith('/') ? [TREE + mount.point] : [],
  );
  await sandbox.run(['sh', '-c', MOUNT_POINTS, 'mount-points', String(epoch), TREE, ...points.sort()]);
  return listTree(sandbox);
}

/**
 * A directory that comes now must not tell when, nor any link that it was read: a layer reads them all. No time is later
 * than the epoch; mke2fs and the forms of the tree see to that themselves, mkfs.xfs does not.
 */
const MOUNT_POINTS = `set -eu
epoch=$1; tree=$2; shift 2
find "$tree" -xdev -print0 | xargs -0 touch -a --no-dereference -d "@$epoch"
find "$tree" -xdev -newermt "@$epoch" -print0 | xargs -0 -r touch -m --no-dereference -d "@$epoch"
for path; do
  [ -d "$path" ] && continue
  mkdir -p "$path"
  touch -d "@$epoch" "$path" "\${path%/*}"
done
`;

type Sizes = ReadonlyMap<string, FilesystemSize & { readonly journal: number }>;

function volumeSizes(
  plan: DiskPlan,
  entries: readonly TreeEntry[],
  disk: ImageLine['disk'],
  slack: number,
): Sizes {
  const sizes = plan.volumes
    .filter(each => isFilesystem(each.content))
    .map(volume => {
      const point = volume.mount?.point;
      const own = point === undefined ? [] : entriesBelow(entries, point, volumesBelow(plan, volume));
      const sizeOf = volume.content === 'xfs' ? xfsSize : filesystemSize;
      const journal = volume.tuning?.journal ?? journalOf(volume, disk.journal);
      const reserve = volume.bytes === undefined ? disk.reserve : 0;
      const needed = sizeOf(own, { journal, reserve, slack });
      if (volume.bytes !== undefined && volume.bytes < needed.bytes) throw tooSmall(volume, needed.bytes);
      const bytesPerInode = volume.tuning?.bytesPerInode ?? needed.bytesPerInode;
      return [volume.name, { ...needed, bytesPerInode, journal }] as const;
    });
  return new Map(sizes);
}

/** A small volume of its own has a small journal, as mke2fs would choose. */
function journalOf({ bytes, content }: Volume, journal: number): number {
  if (content === 'xfs') return Math.max(journal, LEAST_LOG);
  return bytes === undefined ? journal : Math.min(journal, Math.max(4, Math.floor(bytes / 16 / MIB)) * MIB);
}

function tooSmall(volume: Volume, needed: number): DefinitionError {
  const mib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
  return new DefinitionError(
    `the partition ${volume.name} of ${mib(volume.bytes ?? 0)} is too small for ${volume.mount?.point} of the tree`,
    { advice: `give it ${mib(needed)} at least` },
  );
}

async function attemptDisk(
  sandbox: Sandbox,
  { line, seed, out, epoch }: DiskRequest,
  plan: DiskPlan,
  sizes: Sizes,
): Promise<BuiltDisk> {
  const open = plan.volumes.find(each => each.bytes === undefined);
  const layout = placeVolumes(plan, sizes.get(open?.name ?? '')?.bytes ?? 0, seed);
  const raw = await sharedFile(out, RAW, layout.size);
  const standard = { bytesPerInode: 16_384, journal: line.disk.journal };
  await assembleDisk(sandbox, {
    ...{ tree: TREE, inside: '/out', outside: out, plan, layout, epoch },
    sizing: ({ name }) => sizes.get(name) ?? standard,
  });
  return { raw, layout };
}

/** An empty file of ours that the sandbox's root may write: so that results belong to the caller. */
export async function sharedFile(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  await (await open(path, 'w')).close();
  await truncate(path, size);
  await chmod(path, 0o666);
  return path;
}
