#!/bin/sh
# An image by disk-image-create, with elements as they come. Run in mount and UTS namespaces of its own.
#   reference.sh CACHE ELEMENTS OUT NAME ELEMENT...
#     CACHE     directory of .deb files, read and added to
#     ELEMENTS  directory that is searched first
#     OUT       NAME.raw is made there
#     NAME      of the image
set -eu
cache=$1 own=$2 out=$3 image=$4
shift 4
here=$(dirname "$0")
work=$out/work
mkdir -p "$work" "$cache"
mount -t tmpfs tmpfs "$work"
mkdir -p "$work/image-cache/apt/debian" "$work/tmp" "$work/home"

# debian-minimal empties apt's cache in the middle of the build, which here is shared: without that line.
elements=$(python3 -c 'import diskimage_builder.paths as paths; print(paths.get_path("elements"))')
cp -r "$elements/debian-minimal" "$work/debian-minimal"
sed -i '/^\$apt_get clean$/d' "$work/debian-minimal/root.d/75-debian-minimal-baseinstall"
mount --bind "$work/debian-minimal" "$elements/debian-minimal"
find "$cache" -name '*.deb' -exec cp -t "$work/image-cache/apt/debian" {} +

. "$here/../../bench/stand-ins.sh"
lay_stand_ins "$work/stand-ins"

# On a kernel without vfat the ESP is memory, mounted under the name of its partition, on which GRUB finds the FAT that it
# asks for. What would be on it is not in the root tree, which alone is compared.
if ! grep -qw vfat /proc/filesystems && ! modprobe -q vfat; then
  cp /usr/bin/mount "$work/mount.real"
  cat > "$work/mount" <<SCRIPT
#!/bin/sh
if [ \$# = 2 ] && [ "\$(blkid -p -o value -s TYPE "\$1")" = vfat ]; then
  exec "$work/mount.real" -t tmpfs "\$(readlink -f "\$1")" "\$2"
fi
exec "$work/mount.real" "\$@"
SCRIPT
  chmod 755 "$work/mount"
  mount --bind "$work/mount" /usr/bin/mount
fi

export HOME="$work/home" TMP_DIR="$work/tmp" ELEMENTS_PATH="$own"
export DIB_DEBOOTSTRAP_EXTRA_ARGS="--cache-dir=$work/image-cache/apt/debian"
status=0
disk-image-create --image-cache "$work/image-cache" -a amd64 -n -t raw -o "$work/$image" "$@" || status=$?
find "$work/image-cache" -name '*.deb' -exec cp -n -t "$cache" {} +
take_stand_ins "$work/stand-ins"
if [ "$status" = 0 ]; then cp --sparse=always "$work/$image.raw" "$out/$image.raw"; fi
exit "$status"
