import { plainEnvironment, type RunResult } from '../host/process.ts';
import type { Sandbox, SandboxRunOptions } from '../host/sandbox/sandbox.ts';
import { DIB_PYTHON } from './dib.ts';

/** Where things stand inside the sandbox; source-repositories cuts a name out of the path, after the dot. */
export const BUILD = '/build/dib.build';
export const TREE = `${BUILD}/mnt`;
/** Where scripts outside the chroot start, and their home. */
export const HOME = `${BUILD}/home`;
/** The elements' parts as they came, read-only, and the copy that scripts outside the chroot may change. */
export const HOOKS_SOURCE = '/elements/hooks';
export const HOOKS = `${BUILD}/hooks`;
export const STAND_INS = '/elements/stand-ins';
/** What stand-ins were asked for; see stand-ins.ts. */
export const REQUESTS = `${BUILD}/requests`;
/** The same as the chroot sees it. */
export const REQUESTS_INSIDE = '/run/image-factory/requests';
/** Where diskimage-builder's scripts find themselves in the chroot. */
export const IN_TARGET = '/tmp/in_target.d';
/** Where the chroot sees the stand-ins: before all other programs. */
const STAND_INS_INSIDE = '/run/image-factory/bin';
/** Of the folder of stand-ins; at the end of the PATH, see helpers.ts. */
export const HELPERS = 'helpers';

/** The downloads that builds share. */
const DOWNLOADS = '/cache';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PREPARE = `set -eu
build=$1; hooks=$2; source=$3; requests=$4; own=$5; shared=$6
mkdir -p "$build/home" "$build/image" "$build/lockfiles" "$hooks" "$requests" /dev/image/root /dev/image/BSP /dev/image/ESP
exec 8< "$shared"
flock 8
for dead in "$shared"/.own*; do
  if [ -d "$dead" ]; then flock --nonblock "$dead" rm -rf "$dead" || true; fi
done
mkdir -p "$own/apt/debian" "$shared/archives"
exec 9< "$own"
flock 9
exec 8<&-
# Keeps the lock as long as the room is there: what has no lock is of a dead build.
sleep infinity > /dev/null 2>&1 < /dev/null &
find "$shared/archives" -maxdepth 1 -name '*.deb' -exec ln -t "$own/apt/debian" {} +
if [ -d "$source" ]; then cp -r --no-preserve=ownership "$source/." "$hooks/"; fi
`;

/** New packages to the downloads that builds share, the rest away. */
const FINISH = `set -eu
own=$1; shared=$2
find "$own/apt" -name '*.deb' -exec ln -f -t "$shared/archives" {} + || true
rm -rf "$own"
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
folder=$1; start=$2; shift 2
cd "$start"
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
  /** What diskimage-builder calls its image cache: this build's own, with the shared packages in it. */
  readonly cache: string;
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox, cache: string) {
    this.#sandbox = sandbox;
    this.cache = cache;
  }

  /** @param name unique name of this build among those that share the downloads */
  static async open(sandbox: Sandbox, name: string): Promise<Chroot> {
    await sandbox.request({ op: 'open-room' });
    const chroot = new Chroot(sandbox, `${DOWNLOADS}/.own${name}.d`);
    const words = [BUILD, HOOKS, HOOKS_SOURCE, REQUESTS, chroot.cache, DOWNLOADS];
    await chroot.#run(['sh', '-c', PREPARE, 'prepare', ...words]);
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
    await this.#run(['sh', '-c', FINISH, 'finish', this.cache, DOWNLOADS]);
    await this.#sandbox.request({ op: 'close-room' });
  }

  /** Runs a command in the tree. */
  inside(argv: readonly string[], { environment, env, ...options }: ScriptOptions = {}): Promise<RunResult> {
    const words = environment ? withEnvironment(`${IN_TARGET}/environment.d`, '/', argv) : argv;
    return this.#run(['chroot', TREE, ...words], {
      ...options,
      env: {
        HOME: '/root',
        DEBIAN_FRONTEND: 'noninteractive',
        ...env,
        PATH: `${STAND_INS_INSIDE}:/usr/local/sbin:/usr/local/bin:${IN_TARGET}/bin:${PATH}:${STAND_INS_INSIDE}/${HELPERS}`,
      },
    });
  }

  /** Runs a command beside the tree, in the tools tree. */
  outside(argv: readonly string[], { environment, env, ...options }: ScriptOptions = {}): Promise<RunResult> {
    const words = environment ? withEnvironment(`${HOOKS}/environment.d`, HOME, argv) : argv;
    return this.#run(words, {
      ...options,
      // debootstrap binds device nodes instead of making them where it is told that it runs in a container.
      env: { HOME, USER: 'root', container: 'lxc', PYTHONPATH: DIB_PYTHON, ...env, PATH },
    });
  }

  #run(argv: readonly string[], options: SandboxRunOptions = {}): Promise<RunResult> {
    return this.#sandbox.run(argv, { ...options, as: 'room', env: plainEnvironment(options.env) });
  }
}

function withEnvironment(folder: string, start: string, argv: readonly string[]): string[] {
  return ['bash', '-c', WITH_ENVIRONMENT, 'environment', folder, start, ...argv];
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
