#!/bin/sh
# An image by disk-image-create, with elements as they come. Run in mount and UTS namespaces of its own.
#   reference.sh ARCHIVE SECURITY SUITE CACHE OUT ELEMENT...
#     CACHE  directory of .deb files, read and added to
#     OUT    directory: elements/ in it is searched first; disk.raw is made there
set -eu
archive=$1 security=$2 suite=$3 cache=$4 out=$5
shift 5
here=$(dirname "$0")

# debian-minimal empties apt's cache in the middle of the build, which here is shared: without that line.
elements=$(python3 -c 'import diskimage_builder.paths as paths; print(paths.get_path("elements"))')
mkdir -p "$out/image-cache/apt/debian" "$out/tmp" "$out/home" "$cache"
cp -r "$elements/debian-minimal" "$out/debian-minimal"
sed -i '/^\$apt_get clean$/d' "$out/debian-minimal/root.d/75-debian-minimal-baseinstall"
mount --bind "$out/debian-minimal" "$elements/debian-minimal"
find "$cache" -name '*.deb' -exec ln -t "$out/image-cache/apt/debian" {} +

. "$here/../../bench/stand-ins.sh"
lay_stand_ins "$out/stand-ins"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
export HOME="$out/home" TMP_DIR="$out/tmp" ELEMENTS_PATH="$out/elements"
export DIB_RELEASE="$suite" DIB_PYTHON_EXEC=python3
export DIB_DISTRIBUTION_MIRROR="$archive" DIB_DEBIAN_SECURITY_MIRROR="$security"
export DIB_APT_SOURCES_CONF="default:deb [signed-by=$keyring] $archive $suite main
updates:deb [signed-by=$keyring] $archive $suite-updates main
security:deb [signed-by=$keyring] $security $suite-security main"
export DIB_DEBOOTSTRAP_EXTRA_ARGS="--cache-dir=$out/image-cache/apt/debian"
export DIB_APT_LOCAL_CACHE=1 DIB_DISABLE_APT_CLEANUP=1
status=0
disk-image-create --image-cache "$out/image-cache" -a amd64 -t raw -o "$out/disk" -n "$@" || status=$?
find "$out/image-cache" -name '*.deb' -exec ln -f -t "$cache" {} +
take_stand_ins "$out/stand-ins"
exit $status
