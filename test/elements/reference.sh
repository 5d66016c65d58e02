#!/bin/sh
# An image by disk-image-create, with elements as they come. Run in mount and UTS namespaces of its own.
#   reference.sh ARCHIVE SECURITY SUITE CACHE ELEMENTS OUT ELEMENT...
#     CACHE     directory of .deb files, read and added to
#     ELEMENTS  directory that is searched first
#     OUT       disk.raw is made there
set -eu
archive=$1 security=$2 suite=$3 cache=$4 own=$5 out=$6
shift 6
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

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
export HOME="$work/home" TMP_DIR="$work/tmp" ELEMENTS_PATH="$own"
export DIB_RELEASE="$suite" DIB_PYTHON_EXEC=python3
export DIB_DISTRIBUTION_MIRROR="$archive" DIB_DEBIAN_SECURITY_MIRROR="$security"
export DIB_APT_SOURCES_CONF="default:deb [signed-by=$keyring] $archive $suite main
updates:deb [signed-by=$keyring] $archive $suite-updates main
security:deb [signed-by=$keyring] $security $suite-security main"
export DIB_DEBOOTSTRAP_EXTRA_ARGS="--cache-dir=$work/image-cache/apt/debian"
export DIB_APT_LOCAL_CACHE=1 DIB_DISABLE_APT_CLEANUP=1
status=0
disk-image-create --image-cache "$work/image-cache" -a amd64 -n -t raw -o "$work/disk" "$@" || status=$?
find "$work/image-cache" -name '*.deb' -exec cp -n -t "$cache" {} +
take_stand_ins "$work/stand-ins"
if [ "$status" = 0 ]; then cp --sparse=always "$work/disk.raw" "$out/disk.raw"; fi
exit "$status"
