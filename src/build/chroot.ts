import { plainEnvironment, type RunResult } from '../host/process.ts';
import type { Sandbox, SandboxRunOptions } from '../host/sandbox/sandbox.ts';

/** Where things stand inside the sandbox. */
export const TREE = '/build/tree';
export const HOOKS = '/elements/hooks';
export const STAND_INS = '/elements/stand-ins';
/** Where diskimage-builder's scripts find themselves in the chroot. */
export const IN_TARGET = '/tmp/in_target.d';

/**
 * Mounts what a chroot needs, in the mount namespace of this one command, and changes into it. The resolver
 * comes in without touching the tree's own /etc/resolv.conf, which may be a link into /run.
 */
const CHROOT = `set -eu
tree=$1; hooks=$2; standins=$3; shift 3
mount -t proc -o nosuid,nodev,noexec proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o mode=755 tmpfs "$tree/run"
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mkdir -p "$tree/run/systemd/resolve" "$tree/run/lock" "$tree/tmp/in_target.d"
cp /etc/resolv.conf "$tree/run/systemd/resolve/stub-resolv.conf"
cp /etc/resolv.conf "$tree/run/systemd/resolve/resolv.conf"
if [ -f "$tree/etc/resolv.conf" ] && [ ! -L "$tree/etc/resolv.conf" ]; then
  mount --bind /etc/resolv.conf "$tree/etc/resolv.conf"
fi
if [ -d "$hooks" ]; then mount --rbind "$hooks" "$tree/tmp/in_target.d"; fi
for name in grub-probe grub-install; do
  if [ -f "$standins/$name" ] && [ -f "$tree/usr/sbin/$name" ]; then
    mount --bind "$standins/$name" "$tree/usr/sbin/$name"
  fi
done
exec chroot "$tree" "$@"
`;

/** Sources environment.d in the order of its numbers, then becomes the command. */
const WITH_ENVIRONMENT = `for name in $(ls ${IN_TARGET}/environment.d | LC_ALL=C sort -n); do
  . "${IN_TARGET}/environment.d/$name" || exit
done
cd /
exec "$@"
`;

export interface ChrootOptions extends SandboxRunOptions {
  /** No mounts in the tree: it is seen just as it will be packed. */
  readonly bare?: boolean;
}

/** Runs a command in the tree, without the elements' environment. */
export function inChroot(
  sandbox: Sandbox,
  argv: readonly string[],
  { bare, ...options }: ChrootOptions = {},
): Promise<RunResult> {
  const enter = bare ? ['chroot', TREE] : ['sh', '-c', CHROOT, 'chroot', TREE, HOOKS, STAND_INS];
  return sandbox.run([...enter, ...argv], {
    ...options,
    env: plainEnvironment({ HOME: '/root', DEBIAN_FRONTEND: 'noninteractive', ...options.env }),
  });
}

/** Runs a command in the tree after all environment.d files. */
export function inTarget(
  sandbox: Sandbox,
  argv: readonly string[],
  options: SandboxRunOptions = {},
): Promise<RunResult> {
  return inChroot(sandbox, ['bash', '-c', WITH_ENVIRONMENT, 'environment', ...argv], options);
}
