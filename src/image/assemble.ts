import { open } from 'node:fs/promises';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { bootSector, coreImage } from './boot-code.ts';
import { type DiskLayout, type FilesystemSize, SECTOR, sfdiskScript } from './layout.ts';

export interface AssembleRequest {
  /** The finished tree, and the directory of results, as the sandbox and as we see it. */
  readonly tree: string;
  readonly inside: string;
  readonly outside: string;
  readonly layout: DiskLayout;
  readonly size: FilesystemSize;
  readonly rootUuid: string;
  readonly label: string;
  readonly journal: number;
  /** Seconds since 1970: every time in the file systems. */
  readonly epoch: number;
}

/** Name of the raw disk in the directory of results. */
export const RAW = 'disk.raw';

/**
 * A disk image from a tree: partition table, root filesystem, ESP and BIOS boot code, written into a plain
 * file; no loop device, no mount. The file must exist, writable for the sandbox, with the layout's size.
 */
export async function assembleDisk(sandbox: Sandbox, request: AssembleRequest): Promise<void> {
  const raw = `${request.inside}/${RAW}`;
  await sandbox.run(['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', raw], {
    input: sfdiskScript(request.layout),
  });
  await makeRoot(sandbox, request, raw);
  await makeEsp(sandbox, request, raw);
  await layBootCode(sandbox, request);
}

/** What GRUB in the image's own distribution reads is on; what only newer tools know is off. */
const FEATURES = 'has_journal,extent,64bit,flex_bg,metadata_csum,^metadata_csum_seed,^orphan_file';

async function makeRoot(sandbox: Sandbox, request: AssembleRequest, raw: string): Promise<void> {
  const { layout, size, rootUuid } = request;
  const extended = `offset=${layout.root.start * SECTOR},hash_seed=${rootUuid},lazy_itable_init=0,nodiscard,root_owner=0:0`;
  const argv = [
    ...['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-I', '256', '-m', '1', '-O', FEATURES],
    ...['-i', String(size.bytesPerInode), '-J', `size=${request.journal / 1024 / 1024}`],
    ...['-U', rootUuid, '-L', request.label, '-E', extended, '-d', request.tree],
    ...[raw, `${size.bytes / 1024}k`],
  ];
  await sandbox.run(argv, { env: shaped(request) });
}

/** The environment of tools that shape bytes. */
function shaped(request: AssembleRequest): Record<string, string> {
  return {
    PATH: '/usr/sbin:/usr/bin',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(request.epoch),
  };
}

/**
 * The distribution's shim and signed GRUB under the removable path and under its own name; the signed GRUB
 * looks for its configuration in /EFI/debian. An image without them has the GRUB made from its own modules, and
 * no Secure Boot; one without any has an empty ESP.
 */
const ESP = `set -eu
tree=$1; image=$2; bytes=$3; volume=$4; root=$5; raw=$6; sector=$7
truncate -s "$bytes" "$image"
mkfs.vfat --invariant -F 32 -s 1 -n UEFI -i "$volume" "$image" >/dev/null
stage=$image.d
mkdir -p "$stage/EFI/BOOT" "$stage/EFI/debian"
if [ -e "$tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ] && [ -e "$tree/usr/lib/shim/shimx64.efi.signed" ]; then
  for folder in BOOT debian; do
    cp "$tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$stage/EFI/$folder/grubx64.efi"
    cp "$tree/usr/lib/shim/mmx64.efi.signed" "$stage/EFI/$folder/mmx64.efi"
  done
  cp "$tree/usr/lib/shim/shimx64.efi.signed" "$stage/EFI/BOOT/BOOTX64.EFI"
  cp "$tree/usr/lib/shim/shimx64.efi.signed" "$stage/EFI/debian/shimx64.efi"
elif [ -e "$tree/boot/grub/x86_64-efi/core.efi" ]; then
  cp "$tree/boot/grub/x86_64-efi/core.efi" "$stage/EFI/BOOT/BOOTX64.EFI"
fi
printf 'search.fs_uuid %s root\\nset prefix=($root)/boot/grub\\nconfigfile $prefix/grub.cfg\\n' "$root" > "$stage/EFI/debian/grub.cfg"
find "$stage" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
mcopy -s -m -i "$image" "$stage/EFI" ::
dd if="$image" of="$raw" bs=1M seek="$sector" conv=notrunc,sparse status=none
rm -rf "$image" "$stage"
`;

async function makeEsp(sandbox: Sandbox, request: AssembleRequest, raw: string): Promise<void> {
  const { esp } = request.layout;
  const volume = esp.uuid.slice(0, 8);
  const mebibyte = (esp.start * SECTOR) / 1024 / 1024;
  const argv = [
    request.tree,
    '/tmp/esp',
    String(esp.size * SECTOR),
    volume,
    request.rootUuid,
    raw,
    String(mebibyte),
  ];
  await sandbox.run(['sh', '-c', ESP, 'esp', ...argv], { env: shaped(request) });
}

const GRUB = '/boot/grub/i386-pc';

/**
 * What grub-install would put below /boot/grub, made with the image's own GRUB; run in the tree. For EFI only where
 * the distribution's signed GRUB is not there.
 */
export const GRUB_FILES = `set -eu
install_platform() {
  from=/usr/lib/grub/$1
  [ -d "$from" ] || return 0
  to=/boot/grub/$1
  mkdir -p "$to"
  cp "$from"/*.mod "$from"/*.lst "$to/"
  if [ -e "$from/boot.img" ]; then cp "$from/boot.img" "$to/"; fi
  name=$2; shift 2
  grub-mkimage -O "\${from##*/}" -d "$from" -o "$to/$name" -p '(,gpt1)/boot/grub' part_gpt ext2 "$@"
}
install_platform i386-pc core.img biosdisk
if [ ! -e /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ]; then
  install_platform x86_64-efi core.efi normal linux configfile search search_label search_fs_uuid fat part_msdos all_video
fi
`;

async function layBootCode(sandbox: Sandbox, request: AssembleRequest): Promise<void> {
  const { layout, inside, outside, tree } = request;
  const there = await sandbox.run(['test', '-e', `${tree}${GRUB}/core.img`], { accept: [0, 1] });
  if (there.status !== 0) return;
  for (const name of ['boot.img', 'core.img']) {
    await sandbox.run(['sh', '-c', 'cat "$1" > "$2"', 'cat', `${tree}${GRUB}/${name}`, `${inside}/${name}`]);
  }
  const file = await open(`${outside}/${RAW}`, 'r+');
  try {
    const [boot, core] = await Promise.all(
      ['boot.img', 'core.img'].map(name => readWhole(`${outside}/${name}`)),
    );
    if (!boot || !core) throw new Error('unreachable');
    const code = bootSector(boot, layout.bios.start);
    const image = coreImage(core, layout.bios.start);
    if (image.length > layout.bios.size * SECTOR)
      throw new Error('core.img does not fit into the BIOS boot partition');
    await file.write(code, 0, code.length, 0);
    await file.write(image, 0, image.length, layout.bios.start * SECTOR);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}
