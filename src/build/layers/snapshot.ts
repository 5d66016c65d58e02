import { plainEnvironment } from '../../host/process.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { BUILD, type Chroot, HOME, HOOKS, HOOKS_SOURCE, REQUESTS, TREE } from '../chroot.ts';

/**
 * What a tree consists of, as an archive. Everything here runs as the sandbox's powerless root, which sees the tree
 * bare, without the mounts of the scripts' room, and has the archive as an open file, and no other layer.
 */
const PARTS = [TREE, HOME, REQUESTS, `${BUILD}/image`, `${BUILD}/lockfiles`];

const COMPRESS = '--use-compress-program=zstd -1 -T0 --quiet';
const FORMAT = [
  ...[
    '--format=posix',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
    '--sparse',
    '--hole-detection=seek',
  ],
  // Else an archive tells when, and by which process, it was made.
  '--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f',
];
const NAMES = (paths: readonly string[]) => paths.map(path => path.slice(BUILD.length + 1));
const TAR = ['--file=-', COMPRESS, ...FORMAT, `--directory=${BUILD}`];
const TAR_ENV = plainEnvironment({ TMPDIR: '/tmp' });

/** Everything that the next step may find. @param withHooks also the elements' parts, which scripts have changed */
export function wholeTree(withHooks: boolean): string[] {
  return [...PARTS, ...(withHooks ? [HOOKS] : [])];
}

/** Writes parts of the build's folder into a file of the sandbox's `files`. */
export async function writeArchive(sandbox: Sandbox, file: string, parts: readonly string[]): Promise<void> {
  await sandbox.run(['tar', '--create', '--sort=name', ...TAR, ...NAMES(parts)], { to: file, env: TAR_ENV });
}

/** What an archive of these parts takes at most, bytes. */
export async function archivedBytes(sandbox: Sandbox, parts: readonly string[]): Promise<number> {
  const { stdout } = await sandbox.run(['du', '--summarize', '--total', '--block-size=1', '--', ...parts]);
  return Number(/^(\d+)\ttotal$/m.exec(stdout)?.[1]);
}

/**
 * Unpacks an archive into the build's folder.
 * @param parts what gives way to it
 * @throws ToolError when the archive is damaged
 */
export async function readArchive(sandbox: Sandbox, file: string, parts: readonly string[]): Promise<void> {
  await sandbox.run(['sh', '-c', 'cd "$1"; shift; rm -rf -- "$@"', 'clear', BUILD, ...NAMES(parts)]);
  await sandbox.run(['tar', '--extract', '--preserve-permissions', ...TAR], { from: file, env: TAR_ENV });
}

const CLEAR = `set -eu
build=$1; hooks=$2; source=$3; shift 3
cd "$build"
rm -rf -- "$hooks" "$@"
mkdir -p home image lockfiles requests "$hooks"
if [ -d "$source" ]; then cp -r --no-preserve=ownership "$source/." "$hooks/"; fi
`;

/** As it was before any step, after an archive that could not be read whole. */
export async function clearTree(sandbox: Sandbox): Promise<void> {
  await sandbox.run(['sh', '-c', CLEAR, 'clear', BUILD, HOOKS, HOOKS_SOURCE, ...NAMES(PARTS)]);
}

/** What is the same for a folder that nobody has changed. */
const LIST = `for folder; do
  cd "$folder" || exit
  { find . -printf '%y %m %p %l\\n' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum; } | sha256sum
done
`;

/** Whether scripts have changed the copy of the elements' parts that is theirs. */
export async function areHooksChanged(sandbox: Sandbox): Promise<boolean> {
  const { stdout } = await sandbox.run(['sh', '-c', LIST, 'list', HOOKS_SOURCE, HOOKS]);
  const [source, own] = stdout.split('\n');
  return source !== own;
}

/** Made by the stand-in of grub-probe when it told a UUID, which is of this one build. */
export async function isDiskKnown(sandbox: Sandbox): Promise<boolean> {
  return (await sandbox.run(['test', '-e', `${REQUESTS}/uuid-told`], { accept: [0, 1] })).status === 0;
}

/**
 * What scripts have left running, mounted or lying where no archive sees it, one word each. Mounts are made again by
 * whoever made them, and nobody knows how.
 */
const LEFT = `set -u
tree=$1
while read -r _ _ _ _ path _; do
  case $path in
    "$tree"/proc | "$tree"/proc/* | "$tree"/sys | "$tree"/sys/* | "$tree"/dev | "$tree"/dev/*) ;;
    "$tree"/run | "$tree"/run/image-factory/* | "$tree"/tmp/in_target.d) ;;
    "$tree"/*) echo "the mount \${path#"$tree"}" ;;
  esac
done < /proc/self/mountinfo
for process in /proc/[0-9]*; do
  case \${process#/proc/} in 1 | $$) continue ;; esac
  name=$(cat "$process/comm" 2> /dev/null) || continue
  case $name in sleep | cat) ;; *) echo "the process $name" ;; esac
done
cd "$tree/run" && find . -mindepth 1 ! -type d ! -path './systemd/resolve/*' ! -path './image-factory/*' -printf 'the file /run/%P\\n'
find /tmp -mindepth 1 -maxdepth 1 -printf 'the file /tmp/%P beside the tree\\n'
`;

/** Why the tree as it stands cannot be kept; undefined when it can. */
export async function whatIsLeft(chroot: Pick<Chroot, 'outside'>): Promise<string | undefined> {
  const { stdout } = await chroot.outside(['sh', '-c', LEFT, 'left', TREE]);
  const [first] = stdout.split('\n');
  return first === '' ? undefined : first;
}

/** The network of the payload: connections begun and messages sent so far. */
const SENT = 'cat /proc/self/net/snmp /proc/self/net/snmp6';

const COUNTERS = {
  Tcp: ['ActiveOpens'],
  Udp: ['OutDatagrams'],
  Icmp: ['OutEchos'],
} as const;

/** How often something inside has spoken to the network. */
export async function networkUse(sandbox: Sandbox): Promise<number> {
  const argv = ['nsenter', '--net=/run/image-factory-net', 'sh', '-c', SENT];
  const { stdout } = await sandbox.run(argv, { as: 'supervisor', accept: [0, 1] });
  return countNetworkUse(stdout);
}

/** @param text of /proc/net/snmp and snmp6 */
export function countNetworkUse(text: string): number {
  const rows = text.split('\n').map(row => row.trim().split(/\s+/));
  const counts = Object.entries(COUNTERS).flatMap(([protocol, names]) => {
    const [heads = [], values = []] = rows.filter(([first]) => first === `${protocol}:`);
    return names.map(name => Number(values[heads.indexOf(name)] ?? 0));
  });
  const sixth = rows.filter(([name]) => name === 'Udp6OutDatagrams').map(([, value]) => Number(value));
  return [...counts, ...sixth].reduce((all, each) => all + each, 0);
}
