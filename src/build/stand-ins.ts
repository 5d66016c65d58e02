import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What GRUB's tools say in the chroot, where there is no disk yet: grub-probe answers for the disk that will be,
 * grub-install writes down what it was asked for and leaves the work to the engine, grub-mkconfig is the image's
 * own, which calls grub-probe by its path.
 */
export async function writeStandIns(
  folder: string,
  disk: { rootUuid: string; label: string },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = { 'grub-probe': probe(disk), 'grub-install': INSTALL, 'grub-mkconfig': MKCONFIG };
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
mkdir -p /boot/grub
request=$(mktemp /run/image-factory/requests/grub-install.XXXXXX)
printf '%s\\0' "$@" > "$request"
echo "grub-install $*: left to image-factory"
`;

const MKCONFIG = `#!/bin/sh
set -eu
mount --bind /run/image-factory/bin/grub-probe /usr/sbin/grub-probe
status=0
/usr/sbin/grub-mkconfig "$@" || status=$?
umount /usr/sbin/grub-probe
exit $status
`;

function probe({ rootUuid, label }: { rootUuid: string; label: string }): string {
  return `#!/bin/sh
target=fs
while [ $# -gt 0 ]; do
  case $1 in
    --target=*) target=\${1#--target=} ;;
    -t | --target) target=$2; shift ;;
  esac
  shift
done
case $target in
  fs) echo ext2 ;;
  fs_uuid) echo ${rootUuid} ;;
  fs_label) echo ${label} ;;
  device) echo /dev/disk/by-label/${label} ;;
  disk) echo /dev/vda ;;
  drive) echo '(hd0,gpt1)' ;;
  partmap) echo gpt ;;
  compatibility_hint) echo hd0,gpt1 ;;
  hints_string) echo '--hint-bios=hd0,gpt1 --hint-efi=hd0,gpt1 --hint-baremetal=ahci0,gpt1' ;;
  bios_hints | efi_hints) echo hd0,gpt1 ;;
  baremetal_hints) echo ahci0,gpt1 ;;
  *) ;;
esac
`;
}
