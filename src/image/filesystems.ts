import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { type PlacedVolume, SECTOR } from './layout.ts';
import type { Content } from './volume.ts';
import { mkfsXfsOptions } from './xfs.ts';
import { dropAccessLists } from './xfs-access-lists.ts';

/** One volume to make, as the sandbox sees things. */
export interface VolumeRequest {
  readonly volume: PlacedVolume;
  /** The finished tree. */
  readonly tree: string;
  /** The directory that the volume is filled from; absent: it stays empty. */
  readonly source?: string;
  /** Mount points of other volumes inside of this one. */
  readonly below: readonly string[];
  /** The raw disk. */
  readonly raw: string;
  /** Bytes of disk for each inode. */
  readonly bytesPerInode: number;
  /** Bytes. */
  readonly journal: number;
  /** Seconds since 1970: every time in the file systems. */
  readonly epoch: number;
}

type Maker = (sandbox: Sandbox, request: VolumeRequest) => Promise<void>;

/** How each kind of content is written into its place in a plain file: no loop device, no mount of it. */
export const MAKERS: Readonly<Record<Content, Maker>> = {
  ext4: makeExt4,
  xfs: makeXfs,
  vfat: makeVfat,
  swap: makeSwap,
  'bios-boot': async () => {},
  empty: async () => {},
};

/** The environment of tools that shape bytes. */
export function shaped(epoch: number): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(epoch),
    // Generation numbers of inodes in an XFS.
    DETERMINISTIC_SEED: '1',
  };
}

/**
 * Runs a command that sees, at the mount points of other volumes, empty directories like the tree's own: in the
 * mount namespace of this one command.
 */
const MASKED = `set -eu
tree=$1; count=0; shift
while [ "$1" != -- ]; do
  count=$((count + 1)); empty=/tmp/empty.$count
  mkdir -p "$empty"
  chown --reference="$tree$1" "$empty"
  chmod --reference="$tree$1" "$empty"
  touch --no-dereference --reference="$tree$1" "$empty"
  mount --bind "$empty" "$tree$1"
  shift
done
shift
exec "$@"
`;

async function masked(sandbox: Sandbox, request: VolumeRequest, argv: readonly string[]): Promise<void> {
  const { tree, epoch } = request;
  // Below an empty directory nothing is left to cover.
  const below = request.below.filter(each => !request.below.some(above => each.startsWith(`${above}/`)));
  await sandbox.run(['sh', '-c', MASKED, 'masked', tree, ...below, '--', ...argv], { env: shaped(epoch) });
}

/** What GRUB in the image's own distribution reads is on; what only newer tools know is off. */
const FEATURES = 'has_journal,extent,64bit,flex_bg,metadata_csum,^metadata_csum_seed,^orphan_file';

/** mke2fs's arguments but for the source and the target: the tests' judge takes the same. */
export function mke2fsOptions(
  { uuid, label, tuning }: Pick<PlacedVolume, 'uuid' | 'label' | 'tuning'>,
  { bytesPerInode, journal }: Pick<VolumeRequest, 'bytesPerInode' | 'journal'>,
): string[] {
  return [
    ...['-t', 'ext4', '-b', '4096', '-I', '256', '-m', String(tuning?.reserved ?? 1), '-O', FEATURES],
    ...['-i', String(bytesPerInode), '-J', `size=${journal / 1024 / 1024}`, '-U', uuid],
    ...(label === undefined ? [] : ['-L', label]),
  ];
}

async function makeExt4(sandbox: Sandbox, request: VolumeRequest): Promise<void> {
  const { volume, source, raw } = request;
  const { start, size, uuid } = volume;
  const extended = `offset=${start * SECTOR},hash_seed=${uuid},lazy_itable_init=0,nodiscard,root_owner=0:0`;
  await masked(sandbox, request, [
    ...['mke2fs', '-q', '-F', ...mke2fsOptions(volume, request), '-E', extended],
    ...(source === undefined ? [] : ['-d', source]),
    ...[raw, `${(size * SECTOR) / 1024}k`],
  ]);
}

/** mkfs.xfs knows no offset: it fills a file of its own, whose blocks then go to their place. */
const XFS = `set -eu
raw=$1; start=$2; size=$3; shift 3
file=$raw.xfs
truncate -s "$size" "$file"
"$@" "$file"
dd if="$file" of="$raw" bs=64K seek="$start" oflag=seek_bytes conv=notrunc,sparse status=none
rm "$file"
`;

async function makeXfs(sandbox: Sandbox, request: VolumeRequest): Promise<void> {
  const { volume, source, raw } = request;
  const place = [raw, String(volume.start * SECTOR), String(volume.size * SECTOR)];
  const filled = source === undefined ? [] : ['-p', source];
  if (source !== undefined) await dropAccessLists(sandbox, source, request.below);
  const argv = ['mkfs.xfs', '-q', ...mkfsXfsOptions(volume, request.journal), ...filled];
  await masked(sandbox, request, ['sh', '-c', XFS, 'xfs', ...place, ...argv]);
}

/** mkswap wants a file of its own; all it writes is the first page. */
const SWAP = `set -eu
raw=$1; kib=$2; mebibyte=$3; shift 3
truncate -s "\${kib}k" /tmp/swap
mkswap -q "$@" /tmp/swap
dd if=/tmp/swap of="$raw" bs=1M seek="$mebibyte" count=1 conv=notrunc,sparse status=none
rm /tmp/swap
`;

async function makeSwap(sandbox: Sandbox, { volume, raw, epoch }: VolumeRequest): Promise<void> {
  const { start, size, uuid, label = volume.name } = volume;
  const place = [raw, String(size / 2), String(start / 2048)];
  await sandbox.run(['sh', '-c', SWAP, 'swap', ...place, '-U', uuid, '-L', label], { env: shaped(epoch) });
}

/** A FAT filesystem in its place, with what the tree has there. */
const VFAT = `set -eu
raw=$1; start=$2; kib=$3; source=$4; shift 4
mkfs.vfat --invariant -F 32 --offset "$start" "$@" "$raw" "$kib" > /dev/null
if [ -d "$source" ]; then
  find "$source" -mindepth 1 -maxdepth 1 -print0 | LC_ALL=C sort -z |
    xargs -0 -r -I {} mcopy -s -m -i "$raw@@$((start * 512))" {} ::
fi
`;

/** FAT32 needs 65,525 clusters: of one sector where the volume is small. */
const SMALL = 260 * 1024 * 1024;

async function makeVfat(sandbox: Sandbox, { volume, source = '', raw, epoch }: VolumeRequest): Promise<void> {
  const { start, size, partitionUuid, label = 'FAT' } = volume;
  const clusters = size * SECTOR < SMALL ? ['-s', '1'] : [];
  const more = ['-n', label, '-i', partitionUuid.slice(0, 8), ...clusters];
  const place = [raw, String(start), String((size * SECTOR) / 1024), source];
  await sandbox.run(['sh', '-c', VFAT, 'vfat', ...place, ...more], { env: shaped(epoch) });
}
