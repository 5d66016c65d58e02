#!/bin/sh
# mkosi's image of the same packages, by the mkosi of Debian 13, which runs in a tree of that release. Run in a mount
# namespace of its own (unshare -m).
#   mkosi.sh KIND HOST SOURCES PACKAGES SUITE CACHE OUT
#     KIND      own: as it comes: its partitions, its documentation, its work on the disk
#               alike: as near to image-factory's image, and as quick, as it can be made
#     HOST      root directory of a Debian 13 with mkosi; made once, not counted
#     SOURCES   a deb822 file of the mirror's suites
#     PACKAGES  names, one a line: all that shall be installed
#     SUITE     of the image
#     CACHE     directory that mkosi keeps packages in
#     OUT       empty directory for disk.raw, disk.qcow2 and disk.manifest, which lists the packages
set -eu
kind=$1 host=$2 sources=$3 packages=$4 suite=$5 cache=$6 out=$7

project=$out/project
mkdir -p "$cache" "$out/scratch" "$project/sandbox/etc/apt/sources.list.d"
if [ "$kind" = alike ]; then mount -t tmpfs -o mode=755 tmpfs "$out/scratch"; fi
cp "$sources" "$project/sandbox/etc/apt/sources.list.d/mkosi.sources"
cat > "$project/mkosi.conf" <<CONF
[Distribution]
Distribution=debian
Release=$suite
Architecture=x86-64

[Output]
Format=disk
Output=disk
OutputDirectory=/bench/out
ManifestFormat=json

[Build]
PackageCacheDirectory=/bench/cache
WorkspaceDirectory=/bench/scratch
SandboxTrees=/bench/project/sandbox
Incremental=no
History=no

[Content]
Bootable=yes
Bootloader=grub
BiosBootloader=grub
KernelCommandLine=console=ttyS0
WithDocs=$([ "$kind" = own ] && echo yes || echo no)
WithRecommends=no
Packages=
$(sed 's/^/  /' "$packages")
CONF
if [ "$kind" = alike ]; then
  mkdir "$project/mkosi.repart"
  partition() { printf '[Partition]\n%s\n' "$2" > "$project/mkosi.repart/$1.conf"; }
  partition 00-bios 'Type=21686148-6449-6e6f-744e-656564454649
SizeMinBytes=1M
SizeMaxBytes=1M'
  partition 10-esp 'Type=esp
Format=vfat
CopyFiles=/boot:/
CopyFiles=/efi:/
SizeMinBytes=256M'
  partition 20-root 'Type=root
Format=ext4
Label=cloudimg-rootfs
CopyFiles=/
SizeMinBytes=1G'
fi

mount --bind "$host" "$host"
for each in proc sys dev; do mount --rbind "/$each" "$host/$each"; done
mount -t tmpfs tmpfs "$host/run"
mkdir -p "$host/bench"
mount -t tmpfs tmpfs "$host/bench"
mkdir "$host/bench/cache" "$host/bench/out" "$host/bench/scratch" "$host/bench/project"
mount --bind "$cache" "$host/bench/cache"
mount --bind "$out" "$host/bench/out"
mount --bind "$out/scratch" "$host/bench/scratch"
mount --bind "$project" "$host/bench/project"
cp /etc/resolv.conf "$host/etc/resolv.conf"
cd "$host"
pivot_root . mnt
umount -l /mnt
cd /bench/project
mkosi --directory /bench/project --force build
cd /bench/out
qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd -m 16 disk.raw disk.qcow2
