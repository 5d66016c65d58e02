import type { Chroot } from './chroot.ts';

/**
 * /etc/resolv.conf while scripts run in the tree. As in diskimage-builder, the tree's own waits as
 * resolv.conf.ORIG, which elements may change, and comes back when all have run.
 */
const SET = `set -eu
cd /etc
if [ -L resolv.conf ] || [ -f resolv.conf ]; then mv resolv.conf resolv.conf.ORIG; fi
cp /run/systemd/resolve/resolv.conf resolv.conf
`;

/** Unless a package or an element has made a link of it meanwhile, which is then what the image keeps. */
const RESTORE = `set -eu
cd /etc
if [ -L resolv.conf ]; then rm -f resolv.conf.ORIG; exit; fi
rm -f resolv.conf
if [ -L resolv.conf.ORIG ] || [ -f resolv.conf.ORIG ]; then mv resolv.conf.ORIG resolv.conf; fi
`;

export async function setResolver(chroot: Chroot): Promise<void> {
  await chroot.inside(['sh', '-c', SET]);
}

export async function restoreResolver(chroot: Chroot): Promise<void> {
  await chroot.inside(['sh', '-c', RESTORE]);
}
