import { bootOf, type DiskPlan, firmwaresOf, type Volume } from './volume.ts';

/** GRUB as the engine installs it: its files in the tree, its code in the disk; src/image/boot-code.ts has the bytes. */

/** How GRUB names the place of its files: `(,gpt1)/boot/grub`, or `(,msdos2)/grub` on a /boot of its own. */
export function grubPrefix(plan: DiskPlan): string {
  const boot = bootOf(plan);
  const folder = boot.mount?.point === '/boot' ? '/grub' : '/boot/grub';
  return `(,${plan.table === 'mbr' ? 'msdos' : 'gpt'}${boot.number})${folder}`;
}

/** What GRUB calls the filesystem in a volume, and its module for it. */
export function grubFilesystem({ content }: Volume): string {
  return content === 'ext4' ? 'ext2' : content;
}

/** The modules that a core image needs to get at the place of its files. */
export function grubModules(plan: DiskPlan): string[] {
  const table = plan.table === 'mbr' ? 'part_msdos' : 'part_gpt';
  return [table, grubFilesystem(bootOf(plan))];
}

/**
 * What grub-install would put below /boot/grub, made with the image's own GRUB; run in the tree. For EFI only where
 * it was asked to, with all that it leaves there, or where the distribution's signed GRUB is not there.
 */
const FILES = `set -eu
bios=$1; uefi=$2; prefix=$3; bios_modules=$4; efi_modules=$5; uuid=$6
set -f
lay_modules() {
  from=/usr/lib/grub/$1; to=/boot/grub/$1
  [ -d "$from" ] || return 1
  mkdir -p "$to"
  find "$from" \\( -name '*.mod' -o -name '*.lst' ! -name fdt.lst -o -name 'efiemu*.o' -o -name modinfo.sh -o -name boot.img \\) -exec install -m 644 -t "$to" {} +
}
make_core() {
  name=$1; prefix=$2; shift 2
  grub-mkimage -O "\${from##*/}" -d "$from" -o "$to/$name" -p "$prefix" \${config:+-c "$config"} $(for module; do
    if [ -e "$from/$module.mod" ]; then echo "$module"; fi
  done)
}
config=
if [ "$bios" = true ] && lay_modules i386-pc; then make_core core.img "$prefix" $bios_modules; fi
if [ "$uefi" != true ]; then exit; fi
if [ -n "$uuid" ]; then
  if lay_modules x86_64-efi; then
    config=$to/load.cfg
    printf "search.fs_uuid %s root \\nset prefix=(\\$root)'%s'\\n" "$uuid" "\${prefix#*)}" > "$config"
    make_core core.efi "\${prefix#*)}" $efi_modules
    make_core grub.efi '' $efi_modules
  fi
elif [ ! -e /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ] && lay_modules x86_64-efi; then
  make_core core.efi "$prefix" $efi_modules
fi
`;

/** What a call of grub-install in the chroot asked for, as far as the core image goes. */
export interface CoreRequest {
  readonly target?: string;
  readonly modules: readonly string[];
}

/** What a core for EFI needs to find its configuration and show it, which the signed GRUB has built in. */
const EFI = ['normal', 'linux', 'configfile', 'search', 'search_label', 'search_fs_uuid', 'fat', 'all_video'];

/**
 * The command that makes GRUB's files, to be run in the finished tree.
 * @param uuid of the filesystem that holds /boot
 */
export function grubFilesCommand(plan: DiskPlan, requests: readonly CoreRequest[] = [], uuid = ''): string[] {
  const { bios, uefi } = firmwaresOf(plan);
  const wanted = (isFor: (target: string) => boolean) =>
    requests.filter(({ target = 'i386-pc' }) => isFor(target)).flatMap(({ modules }) => modules);
  const isForEfi = requests.some(({ target }) => target?.endsWith('-efi'));
  // In grub-install's order, which shows in the bytes.
  const list = (asked: readonly string[], ...modules: readonly string[]) =>
    [...new Set([...asked, ...grubModules(plan), ...modules])].join(' ');
  const efi = isForEfi ? ['search_fs_uuid'] : [...EFI, 'part_msdos', 'part_gpt'];
  return [
    ...['sh', '-c', FILES, 'grub', String(bios), String(uefi), grubPrefix(plan)],
    list(
      wanted(target => target === 'i386-pc'),
      'biosdisk',
    ),
    list(
      wanted(target => target.endsWith('-efi')),
      ...efi,
    ),
    isForEfi ? uuid : '',
  ];
}

/**
 * The distribution's shim and signed GRUB under the removable path and under its own name; the signed GRUB looks
 * for its configuration in /EFI/debian. An image without them has the GRUB made from its own modules, and no
 * Secure Boot; one without any has an empty ESP. What elements have put there stays.
 */
const ESP = `set -eu
tree=$1; esp=$2; uuid=$3; folder=$4
signed=$tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed
shim=$tree/usr/lib/shim/shimx64.efi.signed
rm -rf "$esp"
mkdir -p "$esp"
if [ -d "$tree/boot/efi" ]; then cp -r "$tree/boot/efi/." "$esp/"; fi
mkdir -p "$esp/EFI/BOOT" "$esp/EFI/debian"
if [ -e "$signed" ] && [ -e "$shim" ]; then
  for name in BOOT debian; do
    cp "$signed" "$esp/EFI/$name/grubx64.efi"
    cp "$tree/usr/lib/shim/mmx64.efi.signed" "$esp/EFI/$name/mmx64.efi"
  done
  cp "$shim" "$esp/EFI/BOOT/BOOTX64.EFI"
  cp "$shim" "$esp/EFI/debian/shimx64.efi"
elif [ -e "$tree/boot/grub/x86_64-efi/core.efi" ]; then
  cp "$tree/boot/grub/x86_64-efi/core.efi" "$esp/EFI/BOOT/BOOTX64.EFI"
fi
printf 'search.fs_uuid %s root\\nset prefix=($root)%s\\nconfigfile $prefix/grub.cfg\\n' "$uuid" "$folder" > "$esp/EFI/debian/grub.cfg"
find "$esp" -exec touch --no-dereference -d "@$SOURCE_DATE_EPOCH" {} +
`;

/**
 * The command that makes the content of the ESP in a directory.
 * @param uuid of the filesystem that holds /boot
 */
export function espCommand(plan: DiskPlan, tree: string, esp: string, uuid: string): string[] {
  return ['sh', '-c', ESP, 'esp', tree, esp, uuid, grubPrefix(plan).replace(/^\(.*\)/, '')];
}
