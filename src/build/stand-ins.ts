import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { grubFilesystem } from '../image/grub.ts';
import { filesystemUuid } from '../image/layout.ts';
import { bootOf, type DiskPlan, rootOf, type Table, type Volume } from '../image/volume.ts';
import { type Chroot, REQUESTS, REQUESTS_INSIDE } from './chroot.ts';

/** One call of grub-install in the chroot, which the engine carries out on the image. */
export interface GrubRequest {
  /** `i386-pc`, `x86_64-efi`; absent where it was left to grub-install, which takes BIOS here. */
  readonly target?: string;
  /** To be in the core image whatever else is. */
  readonly modules: readonly string[];
  /** Into the place for removable media, EFI/BOOT. */
  readonly removable: boolean;
  /** All words as they came. */
  readonly words: readonly string[];
}

/** The calls of grub-install so far, in their order. */
export async function grubRequests(chroot: Pick<Chroot, 'outside'>): Promise<GrubRequest[]> {
  const script =
    'for file in "$1"/grub-install.*; do [ ! -e "$file" ] || { cat "$file"; printf "\\n\\0"; }; done';
  const { stdout } = await chroot.outside(['sh', '-c', script, 'requests', REQUESTS]);
  const calls = stdout.split('\n\0').slice(0, -1);
  return calls.map(call => grubRequest(call.split('\0').slice(0, -1)));
}

/** What grub-install was asked for by these words. */
export function grubRequest(words: readonly string[]): GrubRequest {
  const option = (name: string) =>
    words.flatMap((word, index) => {
      if (word === `--${name}`) return words.slice(index + 1, index + 2);
      return word.startsWith(`--${name}=`) ? [word.slice(name.length + 3)] : [];
    });
  const target = option('target').at(-1);
  return {
    ...(target === undefined ? {} : { target }),
    modules: option('modules').flatMap(list => list.split(/\s+/).filter(each => each !== '')),
    removable: words.includes('--removable'),
    words,
  };
}

/** A filesystem that GRUB reads. */
export interface ProbedVolume {
  readonly uuid: string;
  readonly label: string;
  /** Of its partition. */
  readonly number: number;
  /** As GRUB calls it. */
  readonly filesystem: string;
}

/** The disk that will be, as far as GRUB's tools ask for it. */
export interface ProbedDisk {
  readonly table: Table;
  readonly root: ProbedVolume;
  /** Where /boot has a filesystem of its own. */
  readonly boot?: ProbedVolume;
}

/** @param seed what the UUIDs derive from; see placeVolumes */
export function probedDisk(plan: DiskPlan, seed: string): ProbedDisk {
  const probed = (volume: Volume) => ({
    ...{ uuid: filesystemUuid(volume, seed), label: volume.label ?? '', number: volume.number },
    filesystem: grubFilesystem(volume),
  });
  const [root, boot] = [rootOf(plan), bootOf(plan)];
  return {
    ...{ table: plan.table, root: probed(root) },
    ...(boot === root ? {} : { boot: probed(boot) }),
  };
}

/**
 * What GRUB's tools say in the chroot, where there is no disk yet: grub-probe answers for the disk that will be,
 * grub-install writes down what it was asked for and leaves the work to the engine, grub-mkconfig is the image's
 * own, which calls grub-probe by its path. Beside them sysctl, where the kernel is the host's.
 */
export async function writeStandIns(folder: string, disk: ProbedDisk): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = {
    ...{ 'grub-probe': probe(disk), 'grub-install': INSTALL, 'grub-mkconfig': MKCONFIG, sysctl: SYSCTL },
    ...(disk.boot === undefined ? {} : { 'grub-mkrelpath': RELATIVE }),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
}

const INSTALL = `#!/bin/sh
set -eu
for word; do
  case $word in
    --version | -V | --help) exec /usr/sbin/grub-install "$@" ;;
  esac
done
folder=${REQUESTS_INSIDE}
printf '%s\\0' "$@" > "$folder/grub-install.$(printf '%04d' "$(ls "$folder" | wc -l)")"
mkdir -p /boot/grub/fonts /boot/grub/locale
if [ -e /usr/share/grub/unicode.pf2 ]; then cp /usr/share/grub/unicode.pf2 /boot/grub/fonts/; fi
for file in /usr/share/locale/*/LC_MESSAGES/grub.mo; do
  language=\${file#/usr/share/locale/}
  if [ -e "$file" ]; then cp "$file" "/boot/grub/locale/\${language%%/*}.mo"; fi
done
if [ ! -e /boot/grub/grubenv ] && command -v grub-editenv > /dev/null; then grub-editenv /boot/grub/grubenv create; fi
echo "Installation finished. No error reported: the rest is done by image-factory."
`;

const MKCONFIG = `#!/bin/sh
set -eu
own=/run/image-factory/bin
mount --bind "$own/grub-probe" /usr/sbin/grub-probe
if [ -e "$own/grub-mkrelpath" ]; then mount --bind "$own/grub-mkrelpath" /usr/bin/grub-mkrelpath; fi
status=0
/usr/sbin/grub-mkconfig "$@" || status=$?
umount /usr/sbin/grub-probe
if [ -e "$own/grub-mkrelpath" ]; then umount /usr/bin/grub-mkrelpath; fi
exit $status
`;

/**
 * The image's own, which fails only for what is wrong with the image: not for a key that the sandbox may not read, nor for one
 * that is not to be set in the host's kernel.
 */
const SYSCTL = `#!/bin/sh
status=0
{ errors=$(/usr/sbin/sysctl "$@" 2>&1 >&3 3>&-) || status=$?; } 3>&1
if [ -z "$errors" ]; then exit $status; fi
echo "$errors" >&2
if echo "$errors" | grep -qvE 'permission denied on key|Permission denied|not permitted|Read-only file system|reading key "[^"]*"$'; then exit $status; fi
`;

/** Paths as they are in a /boot of its own, which is a mere directory while the image is made. */
const RELATIVE = `#!/bin/sh
for path; do :; done
path=$(realpath -m -- "$path")
case $path in
  /boot | /boot/*) echo "\${path#/boot}" ;;
  *) echo "$path" ;;
esac
`;

/**
 * The volume that a path or device belongs to, then what is asked of it. As for a loop device, there are no hints where a
 * firmware will have the disk, and what is no path, such as LABEL=, is not known: GRUB goes by the UUID.
 */
function probe({ table, root, boot }: ProbedDisk): string {
  const device = ({ label }: ProbedVolume) => `/dev/disk/by-label/${label}`;
  const names = ({ uuid, label, number, filesystem }: ProbedVolume) =>
    `uuid=${uuid} label=${label} number=${number} filesystem=${filesystem}`;
  const own = boot && `  /boot | /boot/* | ${device(boot)}) ${names(boot)} ;;\n`;
  const map = { gpt: 'gpt', mbr: 'msdos', none: '' }[table];
  return `#!/bin/sh
target=fs
path=/
while [ $# -gt 0 ]; do
  case $1 in
    --target=*) target=\${1#--target=} ;;
    -t | --target) target=$2; shift ;;
    -*) ;;
    *) path=$1 ;;
  esac
  shift
done
case $path in
${own ?? ''}  /*) ${names(root)} ;;
  *) echo "grub-probe: error: cannot find a GRUB drive for $path." >&2; exit 1 ;;
esac
part=${map === '' ? '' : `,${map}$number`}
case $target in
  fs) echo "$filesystem" ;;
  fs_uuid)
    echo "$uuid"
    # A layer with it in the tree fits no other disk.
    if [ -d ${REQUESTS_INSIDE} ]; then : > ${REQUESTS_INSIDE}/uuid-told; fi
    ;;
  fs_label) echo "$label" ;;
  device) echo "/dev/disk/by-label/$label" ;;
  disk) echo /dev/vda ;;
  drive) echo "(hd0$part)" ;;
  partmap) echo ${map} ;;
  *) ;;
esac
`;
}
