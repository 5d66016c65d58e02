#!/bin/sh
# The bare floor: a disk that boots, of the packages in a list, by the tools alone. No sandbox, no elements, no
# inventory, no digests, no UEFI. Run in a mount namespace of its own (unshare -m): it leaves nothing mounted.
#   floor.sh PACKAGES SOURCES RULES SUITE CACHE OUT
#     PACKAGES  names, one a line: all that shall be installed
#     SOURCES   lines of a sources.list
#     RULES     for dpkg: what of packages is left out
#     CACHE     directory of .deb files, read and added to
#     OUT       empty directory for disk.raw and disk.qcow2
# With FLOOR_INITRAMFS=once the initramfs is made once, after all packages, as image-factory does it; without,
# as often as the packages' own scripts make it.
set -eu
packages=$1 sources=$2 rules=$3 suite=$4 cache=$5 out=$6

mkdir -p "$cache" "$out/scratch"
mount -t tmpfs -o mode=755 tmpfs "$out/scratch"
tree=$out/scratch/tree
archives=$tree/var/cache/apt/archives
# Hard links in a directory of this run's own, as image-factory has it: what apt removes, the cache keeps.
mkdir -p "$archives" "$out/archives"
find "$cache" -name '*.deb' -exec ln -t "$out/archives" {} +
mount --bind "$out/archives" "$archives"
if [ "${FLOOR_INITRAMFS:-}" = once ]; then export INITRD=No; fi
mmdebstrap --mode=root --variant=minbase --format=directory \
  --skip=check/empty --skip=essential/unlink --skip=cleanup/apt \
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt=force-unsafe-io --dpkgopt="$rules" --include="$(paste -sd, "$packages")" "$suite" "$tree" - < "$sources"
umount "$archives"
find "$out/archives" -name '*.deb' -exec ln -f -t "$cache" {} +
rm -r "$out/archives"
# As image-factory does: nobody compresses package lists into an image.
find "$tree/var/lib/apt/lists" "$tree/var/cache/apt" -type f -delete

if [ "${FLOOR_INITRAMFS:-}" = once ]; then
  unset INITRD
  mount -t proc proc "$tree/proc"
  chroot "$tree" update-initramfs -c -k all
  umount "$tree/proc"
fi

kernel=$(basename "$tree"/boot/vmlinuz-*)
mkdir -p "$tree/boot/grub"
cp -r "$tree/usr/lib/grub/i386-pc" "$tree/boot/grub/"
cat > "$tree/boot/grub/grub.cfg" <<CFG
search --label --set=root cloudimg-rootfs
linux /boot/$kernel root=LABEL=cloudimg-rootfs console=ttyS0
initrd /boot/initrd.img-${kernel#vmlinuz-}
boot
CFG
chroot "$tree" grub-mkimage -O i386-pc -o /boot/grub/core.img -p '(,gpt1)/boot/grub' \
  biosdisk part_gpt ext2 search search_label normal linux configfile

# The root begins at 4 MiB; what lies before it is the boot code's. One tenth is for what du does not count.
mebibytes=$(($(du -sm --apparent-size "$tree" | cut -f1) * 11 / 10 + 128))
raw=$out/disk.raw
truncate -s "$((mebibytes + 5))M" "$raw"
printf 'label: gpt\nunit: sectors\n1: start=8192, size=%s\n14: start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n' \
  "$((mebibytes * 2048))" | sfdisk --quiet "$raw"
mke2fs -q -F -t ext4 -L cloudimg-rootfs -J size=64 -E offset=$((4 * 1024 * 1024)),nodiscard \
  -d "$tree" "$raw" "${mebibytes}M"

# GRUB's boot sector and core, each told where the next one lies; offsets as in boot.S and diskboot.S.
core=$tree/boot/grub/core.img
put() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
blocks=$((($(stat -c %s "$core") + 511) / 512 - 1))
printf '\001\010\000\000\000\000\000\000' | put "$core" 500
printf "$(printf '\\%03o\\%03o' $((blocks % 256)) $((blocks / 256)))\\040\\010" | put "$core" 508
dd if="$core" of="$raw" bs=512 seek=2048 conv=notrunc status=none
head -c 440 "$tree/boot/grub/i386-pc/boot.img" | put "$raw" 0
printf '\000\010\000\000\000\000\000\000' | put "$raw" 92
printf '\220\220' | put "$raw" 102

qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd -m 16 "$raw" "$out/disk.qcow2"
chroot "$tree" dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' > "$out/packages.txt"
