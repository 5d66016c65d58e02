# Sourced by scripts in a mount namespace of their own. On a kernel without device-mapper: partitions by the loop
# driver itself, under the names that kpartx would give.
#   lay_stand_ins FOLDER; take_stand_ins FOLDER

lay_stand_ins() {
  if grep -q device-mapper /proc/misc; then return 0; fi
  mkdir -p "$1" /dev/mapper
  mount -t tmpfs tmpfs /dev/mapper
  cat > "$1/kpartx" <<'SCRIPT'
#!/bin/sh
set -eu
for device; do :; done
name=$(basename "$device")
case $1 in
  -d) partx -d "$device"; rm -f "/dev/mapper/${name}p"* ;;
  *) partx -u "$device"
     for part in "$device"p*; do ln -sf "$part" /dev/mapper/; done ;;
esac
SCRIPT
  printf '#!/bin/sh\n' > "$1/dmsetup"
  chmod 755 "$1"/*
  for name in kpartx dmsetup; do mount --bind "$1/$name" "/usr/sbin/$name"; done
}

# GRUB in the chroot, whose /dev is the host's and not this namespace's, makes a node that tells of no driver.
take_stand_ins() {
  if [ ! -d "$1" ]; then return 0; fi
  umount /dev/mapper
  rm -f /dev/mapper/control
  rmdir /dev/mapper || true
}
