if [ -n "${TMP_HOOKS_PATH:-}" ]; then
  export DIB_APT_SOURCES=$TMP_HOOKS_PATH/exercise-sources.list
  export DIB_APT_CONF=$TMP_HOOKS_PATH/exercise-apt.conf
  export DIB_DPKG_MANIFEST=$TMP_HOOKS_PATH/exercise-pins.json
  export DIB_DEV_USER_AUTHORIZED_KEYS=$TMP_HOOKS_PATH/exercise.pub
fi
export DIB_MODPROBE_BLACKLIST=pcspkr
export DIB_DEV_USER_USERNAME=keeper
export DIB_DEV_USER_SHELL=/bin/bash
export DIB_DEV_USER_PWDLESS_SUDO=yes
export DIB_CLOUD_INIT_ALLOW_SSH_PWAUTH=yes
export DIB_BOOTLOADER_SERIAL_CONSOLE=ttyS0,115200
export DIB_BOOTLOADER_DEFAULT_CMDLINE='nofb nomodeset gfxpayload=text net.ifnames=0'
