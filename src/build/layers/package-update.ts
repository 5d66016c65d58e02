import { ToolError } from '../../host/process.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { WITHOUT_DOCUMENTATION } from '../../image/documentation.ts';
import type { BuildLog } from '../build-log.ts';
import { BUILD, type Chroot, TREE } from '../chroot.ts';
import { refreshLists } from '../repositories.ts';
import { differentPlace, type Fields, parseFields, withLaterVersions } from './dpkg-status.ts';
import {
  type Entries,
  firstChanged,
  givenRights,
  listFolder,
  listPaths,
  merged,
  seconds,
  type Unpacked,
  whyNotInPlace,
} from './package-contents.ts';
import { copiedWithDate } from './package-dates.ts';
import type { PackageTrace } from './package-trace.ts';

/**
 * Puts later versions of packages into the tree of an earlier bootstrap, where that gives the tree that a bootstrap
 * of them gives: the packages' scripts are the same and would find the same. Everything else is a new bootstrap.
 */
export interface UpdateWorld {
  readonly sandbox: Sandbox;
  readonly chroot: Chroot;
  readonly log: BuildLog;
}

/** A package with both of its versions unpacked. */
interface Pair {
  readonly name: string;
  readonly before: Unpacked;
  readonly now: Unpacked;
}

const WORK = `${BUILD}/package-update`;

/**
 * @param trace of the bootstrap whose tree stands there
 * @param wanted version and digest by name
 * @returns why it cannot be done; the tree is of no use then
 */
export async function updateInPlace(
  world: UpdateWorld,
  trace: PackageTrace,
  wanted: PackageTrace['packages'],
): Promise<string | undefined> {
  const { sandbox, chroot, log } = world;
  const names = changedNames(trace.packages, wanted);
  if (typeof names === 'string') return names;
  await sandbox.run(['sh', '-c', RENEW, 'renew', TREE, String(trace.began)]);
  const status = (await sandbox.run(['cat', `${TREE}/var/lib/dpkg/status`])).stdout;
  const there = names.filter(
    name => status.includes(`\nPackage: ${name}\n`) || status.startsWith(`Package: ${name}\n`),
  );
  const missing = await fetch(
    chroot,
    log,
    there.map(name => [name, trace.packages[name] ?? '', wanted[name] ?? '']),
  );
  if (missing !== undefined) return missing;
  const pairs: Pair[] = [];
  for (const name of there) {
    pairs.push({
      name,
      before: await unpacked(sandbox, name, 'before'),
      now: await unpacked(sandbox, name, 'now'),
    });
  }
  const read = new Set(trace.read);
  for (const { name, before, now } of pairs) {
    const why = differentField(before, now) ?? whyNotInPlace(before, now, read);
    if (why !== undefined) return `${name}: ${why}`;
    const copy = await copiedWithDate(sandbox, before.data, read);
    if (copy !== undefined) return `${name}: /${copy} may be a copy of its file`;
  }
  return replace(sandbox, pairs, status);
}

/** Names of packages whose versions differ; in words why that is not all. */
function changedNames(before: PackageTrace['packages'], now: PackageTrace['packages']): string[] | string {
  const other = [...Object.keys(before), ...Object.keys(now)].find(name => !(name in before && name in now));
  if (other !== undefined) return `${other} ${other in now ? 'is new' : 'is gone'}`;
  const changed = Object.keys(now).filter(name => before[name] !== now[name]);
  const same = changed.find(name => versionOf(before[name]) === versionOf(now[name]));
  return same === undefined ? changed : `${same} is another package of the same version`;
}

const versionOf = (told = '') => told.split(' ')[0] ?? '';

/** What the bootstrap made, and no package brought, is of this build. */
const RENEW = 'find "$1" -xdev -newermt "@$2" -print0 | xargs -0 -r touch -m --no-dereference --';

/** Into the build's own downloads come the later versions, and out of them both are unpacked. */
const FETCH = `set -eu
tree=$1; own=$2; shift 2
mount --bind "$own" "$tree/var/cache/apt/archives"
status=0
chroot "$tree" apt-get -y --download-only --no-install-recommends install -- "$@" || status=$?
umount "$tree/var/cache/apt/archives"
exit $status
`;

/** What dpkg was told not to unpack stays out here as well. */
const UNPACK = `set -eu
tree=$1; own=$2; work=$3; shift 3
rm -rf "$work"
${WITHOUT_DOCUMENTATION}
is_without() { grep -q '^path-exclude=/usr/share/doc/' "$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"; }
unpack() {
  set -- "$1" "$2" "$own/$3"_*.deb
  [ $# -eq 3 ] && [ -e "$3" ] || { echo "$1"; exit 9; }
  mkdir -p "$work/$1/$2/control" "$work/$1/$2/data"
  dpkg-deb --ctrl-tarfile "$3" | tar --extract --preserve-permissions --same-owner --directory "$work/$1/$2/control"
  dpkg-deb --fsys-tarfile "$3" | tar --extract --preserve-permissions --same-owner --numeric-owner --directory "$work/$1/$2/data"
  if is_without; then without_documentation "$work/$1/$2/data"; fi
}
while [ $# -gt 0 ]; do
  unpack "$1" before "$1_$2"
  unpack "$1" now "$1_$3"
  shift 3
done
`;

async function fetch(
  chroot: Chroot,
  log: BuildLog,
  changes: readonly (readonly [name: string, before: string, now: string])[],
): Promise<string | undefined> {
  const own = `${chroot.cache}/apt/debian`;
  const onLine = (line: string) => log.line('apt-get', line);
  await chroot.mount();
  try {
    await refreshLists(chroot, log);
    const words = changes.map(([name, , now]) => `${name}=${versionOf(now)}`);
    if (words.length > 0) await chroot.outside(['sh', '-c', FETCH, 'fetch', TREE, own, ...words], { onLine });
  } catch (error) {
    if (error instanceof ToolError) return 'apt does not give these versions';
    throw error;
  } finally {
    await chroot.unmount();
  }
  const file = (told: string) => versionOf(told).replaceAll(':', '%3a');
  const words = changes.flatMap(([name, before, now]) => [name, file(before), file(now)]);
  const { status, stdout } = await chroot.outside(['sh', '-c', UNPACK, 'unpack', TREE, own, WORK, ...words], {
    accept: [0, 9],
  });
  return status === 0
    ? undefined
    : `an earlier version of ${stdout.trim()} is not among the downloads any more`;
}

async function unpacked(sandbox: Sandbox, name: string, age: 'before' | 'now'): Promise<Unpacked> {
  const folder = `${WORK}/${name}/${age}`;
  const fields = (await sandbox.run(['cat', `${folder}/control/control`])).stdout;
  const [control, data] = [
    await listFolder(sandbox, `${folder}/control`),
    await listFolder(sandbox, `${folder}/data`),
  ];
  return { fields, control, data };
}

const fieldsOf = ({ fields }: Unpacked): Fields => parseFields(fields);

function differentField(before: Unpacked, now: Unpacked): string | undefined {
  const field = differentPlace(fieldsOf(before), fieldsOf(now));
  return field === undefined ? undefined : `its field ${field} is another`;
}

/** The later version's files, with the times that dpkg gives them. Attributes come from scripts alone, and would be lost. */
const REPLACE = `set -eu
tree=$1; work=$2; shift 2
list=$(mktemp)
cat > "$list"
cd "$tree"
if tar --create --format=posix --xattrs --xattrs-include='*' --acls --no-recursion --null --files-from="$list" \\
  | grep -a -q -E 'SCHILY[.](xattr|acl)'; then exit 9; fi
for name; do
  cd "$work/$name/now/data"
  find . ! -type d -print0 | tar --create --no-recursion --null --files-from=- \\
    | tar --extract --preserve-permissions --same-owner --numeric-owner --keep-directory-symlink --directory "$tree"
  cd "$work/$name/now/control"
  for file in *; do
    for place in "$tree/var/lib/dpkg/info/$name.$file" "$tree/var/lib/dpkg/info/$name":*."$file"; do
      if [ -e "$place" ]; then cp --preserve=timestamps,mode,ownership "$file" "$place"; fi
    done
  done
done
rm -rf "$list" "$work"
`;

/** What ldconfig makes of the libraries as they are now. */
const SAME_CACHE = `set -eu
aux=$1/var/cache/ldconfig/aux-cache
[ ! -e "$aux" ] || mv "$aux" "$aux.kept"
chroot "$1" ldconfig -X -C /tmp/ld.so.cache
rm -f "$aux"
[ ! -e "$aux.kept" ] || mv "$aux.kept" "$aux"
status=0
cmp -s "$1/tmp/ld.so.cache" "$1/etc/ld.so.cache" || status=$?
rm -f "$1/tmp/ld.so.cache"
exit $status
`;

async function replace(
  sandbox: Sandbox,
  pairs: readonly Pair[],
  status: string,
): Promise<string | undefined> {
  const paths = pairs.flatMap(({ before }) => [...before.data.keys()].map(merged));
  const tree = await listPaths(sandbox, TREE, paths);
  for (const { name, before } of pairs) {
    const changed = firstChanged(before.data, tree);
    if (changed !== undefined) return `${name}: /${changed} is not as the package has it`;
  }
  const later = withLaterVersions(
    status,
    new Map(pairs.map(({ name, before, now }) => [name, { before: fieldsOf(before), now: fieldsOf(now) }])),
  );
  if (later === undefined) return 'dpkg tells of the packages otherwise than they do';
  const dated = pairs.flatMap(each => datedDirectories(each, tree));
  const rights = pairs.flatMap(each => givenRights(each.before.data, tree));
  const files = paths.filter(path => tree.get(path)?.kind !== 'd').map(path => `./${path}\0`);
  const argv = ['sh', '-c', REPLACE, 'replace', TREE, WORK, ...pairs.map(each => each.name)];
  const replaced = await sandbox.run(argv, { input: files.join(''), accept: [0, 9] });
  if (replaced.status !== 0) return 'scripts have given files of the packages attributes';
  // A new owner takes the bits of set-user-ID away, so that the mode comes after it.
  for (const { path, mode, owner } of rights) {
    await sandbox.run(['chown', '--', owner, `${TREE}/${path}`]);
    await sandbox.run(['chmod', '--', mode, `${TREE}/${path}`]);
  }
  for (const [path, time] of dated) await sandbox.run(['touch', '-m', '-d', `@${time}`, `${TREE}/${path}`]);
  await sandbox.run(['sh', '-c', 'cat > "$1"', 'write', `${TREE}/var/lib/dpkg/status`], { input: later });
  const cached = await sandbox.run(['sh', '-c', SAME_CACHE, 'cache', TREE], { accept: [0, 1] });
  return cached.status === 0 ? undefined : "the loader's cache would be another";
}

/** Directories in which nothing came after the package made them: they keep the package's time. */
function datedDirectories({ before, now }: Pair, tree: Entries): [path: string, time: string][] {
  return [...before.data].flatMap(([path, entry]) => {
    const there = tree.get(merged(path));
    const isDated = entry.kind === 'd' && there?.kind === 'd' && seconds(there.time) === seconds(entry.time);
    const later = now.data.get(path);
    return isDated && later !== undefined ? [[merged(path), seconds(later.time)]] : [];
  });
}
