import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';

/**
 * SHA-256 over all paths, modes and contents below a folder. Times and owners do not count, nor does a right
 * to write of group and others, which the build takes away.
 * @param counts whether a file, by its path from the folder, counts
 */
export async function digestFolder(
  folder: string,
  counts: (path: string) => boolean = () => true,
): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.map(entry => ({ entry, path: join(entry.parentPath, entry.name) }));
  paths.sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { entry, path } of paths) {
    const name = relative(folder, path);
    if (!counts(name)) continue;
    if (entry.isSymbolicLink())
      hash.update(`l ${name}\0${await readlink(path)}\0${await broughtDigest(folder, path)}`);
    else if (entry.isDirectory()) hash.update(`d ${name}\0${await modeOf(path)}\0`);
    else if (entry.isFile()) {
      const content = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      hash.update(`f ${name}\0${await modeOf(path)}\0${content}\0`);
    }
  }
  return hash.digest('hex');
}

/**
 * What a link in a part of an element brings in from elsewhere, such as a script that several elements share: its
 * absolute path. Undefined for a link within the element, one by an absolute path, which means the image, and one
 * that leads nowhere.
 */
export async function broughtIn(element: string, link: string): Promise<string | undefined> {
  const words = await readlink(link).catch(() => undefined);
  if (words === undefined || isAbsolute(words) || relative(element, link).split(sep).length !== 2)
    return undefined;
  const [home, target] = await Promise.all(
    [element, link].map(each => realpath(each).catch(() => undefined)),
  );
  return home === undefined || target?.startsWith(home + sep) ? undefined : target;
}

/** SHA-256 of what a link brings in; empty for other links. */
async function broughtDigest(element: string, link: string): Promise<string> {
  const target = await broughtIn(element, link);
  if (target === undefined) return '';
  if (isFolder(target)) return `${await digestFolder(target)}\0`;
  const hash = createHash('sha256').update(await readFile(target));
  return `${hash.digest('hex')}\0`;
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o755).toString(8);
}

/** Whether a folder is there, or a link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
