#!/bin/sh
# diskimage-builder's image for the same release. Run in a mount namespace of its own (unshare -m).
#   diskimage-builder.sh KIND ARCHIVE SECURITY SUITE CACHE OUT
#     KIND               own: as it comes; alike: as near to image-factory's image as it can be made
#     ARCHIVE, SECURITY  addresses of the mirror
#     CACHE              directory of .deb files, read and added to
#     OUT                empty directory for disk.qcow2
# What differs from image-factory's image is told in README.md.
set -eu
kind=$1 archive=$2 security=$3 suite=$4 cache=$5 out=$6

# Without its `apt-get clean`, which would empty the shared packages in the middle of the build. A mount, since
# an element of the same name elsewhere adds its packages to the first one's and replaces none.
elements=$(python3 -c 'import diskimage_builder.paths as paths; print(paths.get_path("elements"))')
mkdir -p "$out/image-cache/apt/debian" "$out/tmp" "$cache"
cp -r "$elements/debian-minimal" "$out/debian-minimal"
sed -i '/^\$apt_get clean$/d' "$out/debian-minimal/root.d/75-debian-minimal-baseinstall"
options=
if [ "$kind" = alike ]; then
  sed -i 's/^linux-image-amd64:/linux-image-cloud-amd64:/' "$out/debian-minimal/package-installs.yaml"
  options='-n --qemu-img-options compression_type=zstd'
fi
mount --bind "$out/debian-minimal" "$elements/debian-minimal"
find "$cache" -name '*.deb' -exec ln -t "$out/image-cache/apt/debian" {} +

. "$(dirname "$0")/stand-ins.sh"
lay_stand_ins "$out/stand-ins"

components='main non-free-firmware'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
export TMP_DIR="$out/tmp"
export DIB_RELEASE="$suite"
export DIB_DISTRIBUTION_MIRROR="$archive"
export DIB_APT_SOURCES_CONF="default:deb [signed-by=$keyring] $archive $suite $components
updates:deb [signed-by=$keyring] $archive $suite-updates $components
security:deb [signed-by=$keyring] $security $suite-security $components"
export DIB_DEBOOTSTRAP_EXTRA_ARGS="--cache-dir=$out/image-cache/apt/debian"
export DIB_APT_LOCAL_CACHE=1
export DIB_DISABLE_APT_CLEANUP=1
export DIB_PYTHON_EXEC=python3
status=0
# shellcheck disable=SC2086 # words of ours
disk-image-create --image-cache "$out/image-cache" -a amd64 -t qcow2 -o "$out/disk" $options \
  debian-minimal vm block-device-gpt cloud-init openssh-server dhcp-all-interfaces || status=$?
find "$out/image-cache" -name '*.deb' -exec ln -f -t "$cache" {} +
take_stand_ins "$out/stand-ins"
exit $status
