import type { Sandbox } from '../../host/sandbox/sandbox.ts';

/** One entry of a folder: everything but its content, and the content by its digest. */
export interface Entry {
  /** As find tells it: f, d, l. */
  readonly kind: string;
  /** Mode, owner, group, number of names, target of a link. */
  readonly told: string;
  /** Seconds since 1970, to the nanosecond. */
  readonly time: string;
  readonly isEmpty: boolean;
  /** Of a file: SHA-256. */
  readonly digest?: string;
}

/** Entries by path below the folder. */
export type Entries = ReadonlyMap<string, Entry>;

const PRINT = "-printf '%y\\t%m %U %G %n %l\\t%T@\\t%s\\t%P\\0'";
const SUMS = 'xargs -0 -r sha256sum -z --';

/** Rows of all entries, then an empty row, then rows of digests. */
const LIST = `set -eu
cd "$1"
find . -mindepth 1 ${PRINT}
printf '\\0'
find . -type f -print0 | ${SUMS}
`;

/** Everything in a folder. */
export async function listFolder(sandbox: Sandbox, folder: string): Promise<Entries> {
  return parseEntries((await sandbox.run(['sh', '-c', LIST, 'list', folder])).stdout);
}

const LIST_PATHS = `cd "$1"
list=$(mktemp)
cat > "$list"
find -files0-from "$list" -maxdepth 0 ${PRINT.replace('%P', '%p')}
printf '\\0'
find -files0-from "$list" -maxdepth 0 -type f -print0 | ${SUMS}
rm "$list"
`;

/** What stands at these paths of a folder; nothing for a path where nothing is. */
export async function listPaths(sandbox: Sandbox, folder: string, paths: Iterable<string>): Promise<Entries> {
  const input = [...paths].map(path => `./${path}\0`).join('');
  const argv = ['sh', '-c', LIST_PATHS, 'list', folder];
  return parseEntries((await sandbox.run(argv, { input })).stdout);
}

export function parseEntries(text: string): Entries {
  const [rows = '', sums = ''] = text.split('\0\0');
  const plain = (path: string) => path.replace(/^\.\//, '');
  const digests = new Map(sums.split('\0').map(row => [plain(row.slice(66)), row.slice(0, 64)]));
  const entries = rows.split('\0').filter(row => row !== '');
  return new Map(
    entries.map(row => {
      const [kind = '', told = '', time = '', size = '', ...rest] = row.split('\t');
      const path = plain(rest.join('\t'));
      const digest = kind === 'f' ? digests.get(path) : undefined;
      // The names of a directory are those of its subdirectories, which others may have added.
      const names = kind === 'd' ? told.replace(/^(\S+ \S+ \S+) \S+/, '$1') : told;
      const entry = { kind, told: names, time, isEmpty: kind === 'f' && size === '0' };
      return [path, digest === undefined ? entry : { ...entry, digest }];
    }),
  );
}

/** A package's file, unpacked: what dpkg keeps of it, and what it installs. */
export interface Unpacked {
  /** Text of its control file. */
  readonly fields: string;
  readonly control: Entries;
  readonly data: Entries;
}

/** Files of a package that dpkg keeps and that nobody asks while packages are configured. */
const PASSIVE = new Set(['control', 'md5sums', 'shlibs', 'symbols']);

/**
 * Why a later version of a package may leave another tree than that with its files in the place of the earlier one's;
 * undefined when it cannot: the same scripts run at the same time, and nothing that they read has changed.
 * @param read files that were read while packages were configured
 */
export function whyNotInPlace(
  before: Unpacked,
  now: Unpacked,
  read: ReadonlySet<string>,
): string | undefined {
  const script = firstDifference(before.control, now.control, (a, b, path) => {
    return PASSIVE.has(path) || (a.digest === b.digest && a.told === b.told);
  });
  if (script !== undefined) return `its ${script} is another`;
  const shape = firstDifference(before.data, now.data, (a, b) => {
    return a.kind === b.kind && a.told === b.told && a.isEmpty === b.isEmpty;
  });
  if (shape !== undefined) return `/${shape} comes, goes or has other rights`;
  for (const [path, { digest }] of now.data) {
    const place = merged(path);
    if (!read.has(place)) continue;
    if (before.data.get(path)?.digest !== digest) return `/${place} was read while packages were configured`;
    // Python notes the time of the source in what it makes of it.
    if (path.endsWith('.py')) return `/${place} was compiled while packages were configured`;
  }
  return undefined;
}

function firstDifference(
  before: Entries,
  now: Entries,
  isSame: (a: Entry, b: Entry, path: string) => boolean,
): string | undefined {
  const paths = new Set([...before.keys(), ...now.keys()]);
  return [...paths].find(path => {
    const [a, b] = [before.get(path), now.get(path)];
    return a === undefined || b === undefined || !isSame(a, b, path);
  });
}

/** Where a path of a package is in a tree whose /bin, /sbin and /lib are links into /usr. */
export function merged(path: string): string {
  return /^(bin|sbin|lib|lib32|lib64|libx32)\//.test(path) ? `usr/${path}` : path;
}

/** The first entry of a package that does not stand in the tree as the package has it, but for its rights. */
export function firstChanged(data: Entries, tree: Entries): string | undefined {
  const stands = ([path, entry]: [string, Entry]) => {
    const there = tree.get(merged(path));
    if (entry.kind === 'd') return there?.kind === 'd' || there?.kind === 'l';
    return (
      there?.kind === entry.kind &&
      there.told.replace(RIGHTS, '') === entry.told.replace(RIGHTS, '') &&
      there.digest === entry.digest &&
      seconds(there.time) === seconds(entry.time)
    );
  };
  return [...data].find(each => !stands(each))?.[0];
}

const RIGHTS = /^(\d+) (\d+) (\d+) /;

/** What scripts have given a package's files in a tree: mode and owner that are not the package's. */
export function givenRights(data: Entries, tree: Entries): { path: string; mode: string; owner: string }[] {
  return [...data].flatMap(([path, { kind, told }]) => {
    const [given, mode = '', user, group] = RIGHTS.exec(tree.get(merged(path))?.told ?? '') ?? [];
    if (kind !== 'f' || given === undefined || told.startsWith(given)) return [];
    return [{ path: merged(path), mode, owner: `${user}:${group}` }];
  });
}

/** dpkg keeps whole seconds. */
export function seconds(time: string): string {
  return time.replace(/\..*$/, '');
}
