import { plainEnvironment, type RunResult } from '../host/process.ts';
import type { Sandbox, SandboxRunOptions } from '../host/sandbox/sandbox.ts';

/** Where things stand inside the sandbox. */
export const TREE = '/build/tree';
/** The elements' parts as they came, read-only, and the copy that scripts outside the chroot may change. */
export const HOOKS_SOURCE = '/elements/hooks';
export const HOOKS = '/build/hooks';
export const STAND_INS = '/elements/stand-ins';
/** What stand-ins were asked for; see stand-ins.ts. */
export const REQUESTS = '/build/requests';
/** Where diskimage-builder's scripts find themselves in the chroot. */
export const IN_TARGET = '/tmp/in_target.d';
/** Where the chroot sees the stand-ins: before all other programs. */
const STAND_INS_INSIDE = '/run/image-factory/bin';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PREPARE = `set -eu
hooks=$1; source=$2; requests=$3
mkdir -p "$hooks" "$requests" "$requests.d"
if [ -d "$source" ]; then cp -r --no-preserve=ownership "$source/." "$hooks/"; fi
`;

/**
 * Mounts what a chroot needs. /tmp is the tree's own, as in diskimage-builder: scripts leave things there for
 * later phases. /run is memory, with a resolver's file for trees whose /etc/resolv.conf leads there.
 */
const MOUNT = `set -eu
tree=$1; hooks=$2; standins=$3; requests=$4
if mountpoint -q "$tree/dev"; then umount -R -l "$tree/dev"; fi
for name in proc sys dev run tmp; do mkdir -p "$tree/$name"; done
chmod 1777 "$tree/tmp"
mount -t proc -o nosuid,nodev,noexec proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o mode=755 tmpfs "$tree/run"
mkdir -p "$tree/run/systemd/resolve" "$tree/run/lock" "$tree/run/image-factory/bin" "$tree/run/image-factory/requests"
cp /etc/resolv.conf "$tree/run/systemd/resolve/stub-resolv.conf"
cp /etc/resolv.conf "$tree/run/systemd/resolve/resolv.conf"
if [ -d "$standins" ]; then mount --rbind "$standins" "$tree/run/image-factory/bin"; fi
mount --bind "$requests" "$tree/run/image-factory/requests"
mkdir -p "$tree/tmp/in_target.d"
mount --bind "$hooks" "$tree/tmp/in_target.d"
mount -o remount,ro,bind "$tree/tmp/in_target.d"
`;

/**
 * Devices for scripts that make the tree: nobody can make nodes here, and debootstrap leaves alone what it finds.
 * A memory file system, so that nothing of it stays in the tree.
 */
const DEVICES = `set -eu
tree=$1
mkdir -p "$tree/dev"
mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
for name in null zero full random urandom tty; do
  : > "$tree/dev/$name"
  mount --bind "/dev/$name" "$tree/dev/$name"
done
: > "$tree/dev/console"
`;

/**
 * Takes away every mount below the tree, those that elements made too. From the top, each with all that is in it:
 * the parts of a mount that came into this namespace as a whole cannot be taken out one by one.
 */
const UNMOUNT = `set -eu
tree=$1
while path=$(awk -v tree="$tree/" 'index($2, tree) == 1 { print $2 }' /proc/self/mounts | LC_ALL=C sort | head -n 1); [ -n "$path" ]; do
  umount -l "$(printf '%b' "$path")"
done
if [ -d "$tree/tmp/in_target.d" ]; then rmdir "$tree/tmp/in_target.d"; fi
`;

/** Sources environment.d as dib-run-parts does, in the order of its numbers, then becomes the command. */
const WITH_ENVIRONMENT = `set -ue -o pipefail
folder=$1; shift
if [ -d "$folder" ]; then
  for name in $(find "$folder" -maxdepth 1 -xtype f -printf '%f\\n' | grep -E '^[0-9A-Za-z_.-]+$' | LC_ALL=C sort -n); do
    . "$folder/$name"
  done
fi
exec "$@"
`;

export interface ScriptOptions extends Omit<SandboxRunOptions, 'as'> {
  /** Source environment.d first. */
  readonly environment?: boolean;
}

/**
 * The tree while scripts work on it. Mounts and daemons of theirs last from one command to the next, as in
 * diskimage-builder, until `unmount` or `close`.
 */
export class Chroot {
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  static async open(sandbox: Sandbox): Promise<Chroot> {
    await sandbox.request({ op: 'open-room' });
    const chroot = new Chroot(sandbox);
    await chroot.#run(['sh', '-c', PREPARE, 'prepare', HOOKS, HOOKS_SOURCE, REQUESTS]);
    return chroot;
  }

  /** Makes an empty tree that scripts can fill. */
  async makeTree(): Promise<void> {
    await this.#run(['sh', '-c', DEVICES, 'devices', TREE]);
  }

  async mount(): Promise<void> {
    await this.#run(['sh', '-c', MOUNT, 'mount', TREE, HOOKS, STAND_INS, REQUESTS]);
  }

  async unmount(): Promise<void> {
    await this.#run(['sh', '-c', UNMOUNT, 'unmount', TREE]);
  }

  async close(): Promise<void> {
    await this.#sandbox.request({ op: 'close-room' });
  }

  /** Runs a command in the tree. */
  inside(argv: readonly string[], { environment, env, ...options }: ScriptOptions = {}): Promise<RunResult> {
    const folder = `${IN_TARGET}/environment.d`;
    return this.#run(['chroot', TREE, ...withEnvironment(argv, environment, folder)], {
      ...options,
      env: {
        HOME: '/root',
        DEBIAN_FRONTEND: 'noninteractive',
        ...env,
        PATH: `${STAND_INS_INSIDE}:${IN_TARGET}/bin:${PATH}`,
      },
    });
  }

  /** Runs a command beside the tree, in the tools tree. */
  outside(argv: readonly string[], { environment, env, ...options }: ScriptOptions = {}): Promise<RunResult> {
    return this.#run(withEnvironment(argv, environment, `${HOOKS}/environment.d`), {
      ...options,
      // debootstrap binds device nodes instead of making them where it is told that it runs in a container.
      env: { HOME: '/build/home', USER: 'root', container: 'lxc', ...env, PATH },
    });
  }

  #run(argv: readonly string[], options: SandboxRunOptions = {}): Promise<RunResult> {
    return this.#sandbox.run(argv, { ...options, as: 'room', env: plainEnvironment(options.env) });
  }
}

function withEnvironment(
  argv: readonly string[],
  wanted: boolean | undefined,
  folder: string,
): readonly string[] {
  return wanted ? ['bash', '-c', WITH_ENVIRONMENT, 'environment', folder, ...argv] : argv;
}

/** Runs a command in the finished tree, just as it will be packed: nothing is mounted in it. */
export function inTree(
  sandbox: Sandbox,
  argv: readonly string[],
  options: SandboxRunOptions = {},
): Promise<RunResult> {
  return sandbox.run(['chroot', TREE, ...argv], {
    ...options,
    env: plainEnvironment({ HOME: '/root', ...options.env }),
  });
}
