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
 * @param began seconds since 1970
 * @returns undefined where that cannot be told: a file system without times of access, a package of tomorrow
 */
export async function traceBootstrap(
  sandbox: Sandbox,
  told: Omit<PackageTrace, 'read'>,
): Promise<PackageTrace | undefined> {
  const { stdout } = await sandbox.run(['sh', '-c', READ, 'read', TREE]);
  const read = filesRead(stdout);
  if (!read.includes(SHELL) || (await packageEpoch(sandbox)) >= told.began) return undefined;
  return { ...told, read };
}

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
