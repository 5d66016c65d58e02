import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MIRROR_PATIENCE, patientApt } from '../apt.ts';
import type { Context } from '../context.ts';
import { NetworkError } from '../errors.ts';
import { plainEnvironment, ToolError } from '../process.ts';
import { tellsOfFullDisk } from '../room.ts';
import { withWorkDirectory } from '../workdir.ts';
import { UID_BASE, UID_COUNT } from './protocol.ts';
import { Sandbox } from './sandbox.ts';

/**
 * The root of the sandbox: a small Debian 13 with the tools that shape an image's bytes, so that every host
 * makes the same ones and needs almost nothing itself. docs/decisions.md says why.
 */
const SUITE = 'trixie';
const PACKAGES = [
  ...[
    'ca-certificates',
    'debian-archive-keyring',
    'dosfstools',
    'e2fsprogs',
    'fdisk',
    'iproute2',
    'mmdebstrap',
  ],
  ...['mount', 'mtools', 'qemu-utils', 'slirp4netns', 'squashfs-tools', 'uidmap', 'zstd'],
];

/** What diskimage-builder's scripts of the phases outside the chroot call; 100 MB that other builds do without. */
const OUTSIDE = [
  'bzip2',
  'curl',
  'debootstrap',
  'file',
  'git',
  'gpg',
  'jq',
  'openssh-client',
  'patch',
  'procps',
  'python3-yaml',
  'rsync',
  'unzip',
  'wget',
  'xz-utils',
];

/** Of a later suite: the first mkfs.xfs that fills a filesystem from a directory with all that a tree has is 7. */
const XFS = ['xfsprogs'];
const LATER_SUITE = 'forky';
const LATER = `Package: *
Pin: release n=${LATER_SUITE}
Pin-Priority: -1

Package: xfsprogs libicu*
Pin: release n=${LATER_SUITE}
Pin-Priority: 990
`;

/** Mount points for what a build brings along. */
const FOLDERS = ['build', 'cache', 'elements', 'out'];

/** Raise it when the steps below change what stands in the tree. */
const RECIPE = 1;

/** Inside, sudo has nothing to add: elements that call it are root already. */
const SUDO = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    -u | -g | -C | -p) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
exec "$@"
`;

/**
 * A network namespace that is not the payload's own cannot be told by a new sysfs: the kernel refuses it. What is
 * mounted already serves.
 */
const MOUNT = `#!/bin/sh
sysfs=
for word; do
  case $last$word in -tsysfs) sysfs=yes ;; esac
  last=$word target=$word
done
if [ -n "$sysfs" ]; then exec /usr/bin/mount --rbind /sys "$target"; fi
exec /usr/bin/mount "$@"
`;

const SETS = {
  engine: PACKAGES,
  outside: [...PACKAGES, ...OUTSIDE],
  xfs: [...PACKAGES, ...XFS],
  'outside-xfs': [...PACKAGES, ...OUTSIDE, ...XFS],
};

/** `outside`: with what scripts of the phases outside the chroot call; `xfs`: with what makes an XFS. */
export type ToolSet = keyof typeof SETS;

/** Preferences of apt, where a set takes packages of the later suite. */
function preferencesOf(set: ToolSet): readonly string[] {
  return SETS[set].includes('xfsprogs') ? [LATER] : [];
}

/** SHA-256 of the recipe: another one gives another tree, and other images. */
export function toolsKey(set: ToolSet): string {
  return createHash('sha256')
    .update(JSON.stringify([SUITE, SETS[set], FOLDERS, SUDO, MOUNT, RECIPE, ...preferencesOf(set)]))
    .digest('hex');
}

export interface ToolsTreeOptions {
  /** Directory for caches. */
  readonly cache: string;
  /** From rootPrefix(). */
  readonly root: readonly string[];
  /** The lines of a sources.list for a suite, or of one that is not released yet; empty: mmdebstrap's own default. */
  readonly sources: (suite: string, kind: 'released' | 'testing') => string;
  readonly set: ToolSet;
  /** Seconds that the mirror may keep us waiting. */
  readonly patience?: number;
}

/** Where the tools tree is, or will be. @param cache directory for caches */
export function toolsPath(cache: string, set: ToolSet): string {
  return join(cache, 'tools', toolsKey(set).slice(0, 16));
}

/**
 * Absolute path of the tools tree, made first where it is missing (about 25 s and 210 MB).
 * @throws NetworkError when the mirror does not give the packages
 */
export async function toolsTree(context: Context, options: ToolsTreeOptions): Promise<string> {
  const path = toolsPath(options.cache, options.set);
  if (existsSync(join(path, 'complete'))) return path;
  await mkdir(join(options.cache, 'tools'), { recursive: true });
  const progress = context.log.progress('making the tools tree (once per host)');
  await withWorkDirectory(context, join(options.cache, 'tools'), async work => {
    const sandbox = await Sandbox.open(context, options.root);
    try {
      await bootstrap(context, sandbox, join(work, 'tree'), options);
      await complete(sandbox, join(work, 'tree'));
      // A neighbour may have been faster: then his stands, and ours goes with the work directory.
      await sandbox.request({ op: 'rename', from: join(work, 'tree'), to: path }).catch(error => {
        if (!existsSync(join(path, 'complete'))) throw error;
      });
    } finally {
      await sandbox.close();
    }
  });
  progress.end();
  return path;
}

async function bootstrap(
  context: Context,
  sandbox: Sandbox,
  tree: string,
  options: ToolsTreeOptions,
): Promise<void> {
  const preferences = preferencesOf(options.set);
  const later = preferences.map(() => options.sources(LATER_SUITE, 'testing'));
  const sources = [options.sources(SUITE, 'released'), ...later].join('');
  const exclude = ['doc', 'man', 'locale', 'info'].map(name => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const argv = [
    ...[
      'mmdebstrap',
      '--mode=root',
      '--variant=apt',
      '--format=directory',
      '--dpkgopt=force-unsafe-io',
      ...exclude,
    ],
    ...patientApt(options.patience ?? MIRROR_PATIENCE),
    ...['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"'],
    ...preferences.map(text => `--setup-hook=printf %s '${text}' > "$1/etc/apt/preferences.d/later"`),
    ...[`--include=${SETS[options.set].join(',')}`, SUITE, tree],
    ...(sources === '' ? [] : ['-']),
  ];
  try {
    await sandbox.run(argv, {
      as: 'supervisor',
      env: plainEnvironment({ TMPDIR: '/tmp', HOME: '/nonexistent' }),
      ...(sources === '' ? {} : { input: sources }),
      onLine: line => context.log.debug(`tools: ${line}`),
    });
  } catch (error) {
    throw error instanceof ToolError ? explain(error) : error;
  }
}

function explain(error: ToolError): Error {
  if (tellsOfFullDisk(error)) return error;
  const text = error.result.stderr;
  // apt's own summary tells why; of the lines before it each has half, and mmdebstrap adds its command.
  const failed = (/^E: (?!apt-get |mmdebstrap ).*$/m.exec(text) ?? /^Err.*$/m.exec(text))?.[0];
  return new NetworkError(`the tools tree cannot be made: ${failed ?? 'mmdebstrap failed'}`, {
    advice: "check the mirror (--mirror, or the host's apt sources)",
    cause: error,
  });
}

async function complete(sandbox: Sandbox, tree: string): Promise<void> {
  for (const name of FOLDERS) await sandbox.run(['mkdir', `${tree}/${name}`], { as: 'supervisor' });
  const write = (path: string, text: string, mode = 0o644) =>
    sandbox.request({ op: 'write', path: `${tree}${path}`, text, mode });
  const range = `root:${UID_BASE}:${UID_COUNT}\n`;
  await write('/etc/subuid', range);
  await write('/etc/subgid', range);
  await write('/etc/hostname', 'localhost\n');
  await write('/etc/resolv.conf', 'nameserver 10.0.2.3\n');
  await write('/usr/local/bin/sudo', SUDO, 0o755);
  await write('/usr/local/bin/mount', MOUNT, 0o755);
  await sandbox.request({ op: 'shift', path: tree, by: UID_BASE });
  await write('/complete', '');
}
