import { z } from 'zod';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { TREE } from '../chroot.ts';
import { packageEpoch } from '../epoch.ts';

/** What a later version of a package has to be compared with before it may take the place of an earlier one. */
export const packageTrace = z.strictObject({
  /** When the tree was begun, seconds since 1970: what is not older was made on the way. */
  began: z.number(),
  /** SHA-256 of what decides the tree beside the packages' versions. */
  basis: z.string(),
  /** Version and SHA-256 by name of all packages of the line. */
  packages: z.record(z.string(), z.string()),
  /** Files that were read while packages were configured, below the tree. */
  read: z.array(z.string()),
});

export type PackageTrace = z.infer<typeof packageTrace>;

/**
 * dpkg dates the last access of what it unpacks before the last change of the inode, so a file whose last access is not
 * older has been read since.
 */
const READ = 'find "$1" -xdev -type f -printf \'%A@ %C@ %P\\0\'';

/** Read in every bootstrap: the shell of the packages' scripts. */
const SHELL = 'usr/bin/dash';

/**
 * Tells which files the making of the tree has read. To be asked before anything else reads the tree.
 * @param told began: seconds since 1970
 * @returns undefined where that cannot be told: a file system without times of access, a package of tomorrow
 */
export async function traceBootstrap(
  sandbox: Sandbox,
  told: Omit<PackageTrace, 'read'>,
): Promise<PackageTrace | undefined> {
  const read = filesRead((await sandbox.run(['sh', '-c', READ, 'read', TREE])).stdout);
  if (!read.includes(SHELL) || (await packageEpoch(sandbox)) >= told.began) return undefined;
  const input = read.map(path => `${path}\0`).join('');
  const { stdout } = await sandbox.run(['sh', '-c', NAMED, 'named', TREE], { input });
  return { ...told, read: withoutMereLibraries(read, stdout) };
}

/** Names of libraries in files, `PATH NUL NAME` each, then names of links to libraries and where they lead. */
const NAMED = `cd "$1"
xargs -0 -r grep -a -o -H -Z -E 'lib[A-Za-z0-9_+.-]*[.]so([.][0-9]+)*' -- | LC_ALL=C awk '!seen[$0]++'
printf '\\0\\n'
find usr/lib -maxdepth 2 -name 'lib*.so*' -type l -printf '%f\\t%l\\n'
`;

/** Directly in a folder of the loader: ldconfig reads all that is there. */
const LIBRARY = /^usr\/lib\/(?:[^/]+-linux-[^/]+\/)?(lib[^/]+\.so[^/]*)$/;

/** Lists of dpkg and of the loader, which name every library. */
const LISTS = /^(?:var\/lib\/dpkg\/|etc\/ld\.so\.cache$)/;

/** glibc makes up the names of these. */
const BY_GLIBC = /^libnss_|^libgcc_s\./;

/**
 * Leaves out the libraries that nobody but ldconfig has read, as no file that was used has their name in it. What
 * ldconfig made of them is compared when one is replaced.
 * @param named see NAMED
 */
export function withoutMereLibraries(read: readonly string[], named: string): string[] {
  const [mentions = '', links = ''] = named.split('\0\n');
  const names = new Map<string, string[]>();
  for (const row of mentions.split('\n')) {
    const [path = '', name = ''] = row.split('\0');
    names.set(path, [...(names.get(path) ?? []), name]);
  }
  const targets = new Map(links.split('\n').map(row => row.split('\t') as [string, string]));
  const libraries = new Map(
    read.flatMap(path => (LIBRARY.test(path) ? [[baseOf(path), path] as const] : [])),
  );
  const always = [...libraries].filter(([name]) => BY_GLIBC.test(name)).map(([, path]) => path);
  const others = read.filter(path => !LIBRARY.test(path));
  const used = new Set([...others, ...always]);
  const waiting = [...used].filter(path => !LISTS.test(path));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const name of names.get(path) ?? []) {
      const library = libraries.get(baseOf(targets.get(name) ?? name));
      if (library === undefined || used.has(library)) continue;
      used.add(library);
      waiting.push(library);
    }
  }
  return read.filter(path => used.has(path));
}

const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** @param rows of `ACCESS CHANGE PATH`, each ended by NUL */
export function filesRead(rows: string): string[] {
  return rows
    .split('\0')
    .slice(0, -1)
    .flatMap(row => {
      const [, access, change, path = ''] = /^(\S+) (\S+) (.*)$/s.exec(row) ?? [];
      return Number(access) >= Number(change) ? [path] : [];
    });
}
