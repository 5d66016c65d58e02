import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { closest } from '../definition/words.ts';
import { DefinitionError } from '../host/errors.ts';

/** A folder in diskimage-builder's element form. */
export interface Element {
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  /** Names it needs, from its `element-deps`. */
  readonly needs: readonly string[];
  /** Names it stands for, from its `element-provides`. */
  readonly provides: readonly string[];
  /** SHA-256 of its files: paths, modes and content. */
  readonly digest: string;
}

/** The elements that the lines of one run need: read once, whatever the number of lines. */
export class ElementShelf {
  readonly #read = new Map<string, Promise<Element | undefined>>();

  /** The element of that name in the first folder that has one. */
  read(name: string, paths: readonly string[]): Promise<Element | undefined> {
    const key = [name, ...paths].join('\0');
    let element = this.#read.get(key);
    if (element === undefined) {
      element = readElement(name, paths);
      this.#read.set(key, element);
    }
    return element;
  }
}

/** Whoever brings the root tree provides this. */
const OPERATING_SYSTEM = 'operating-system';

/**
 * What the engine itself does when no folder has an element of the name: a disk, laid out as the factory file says, and the
 * work of diskimage-builder's helping elements; see phases.ts and helpers.ts.
 */
const ENGINE_PROVIDES = [
  'block-device',
  ...['package-installs', 'pkg-map', 'svc-map', 'install-static', 'dpkg', 'dib-python', 'dib-run-parts'],
];

/**
 * The elements asked for and all they need, sorted by name; the order of their scripts comes from the scripts'
 * numbers. The rules are diskimage-builder's: a name that another element provides is met by that one, two
 * elements that provide the same are a mistake, a circle of dependencies is none.
 * @param paths folders of elements; the first that has a name wins
 * @throws DefinitionError for a name no folder has, and for two that provide the same
 */
export async function resolveElements(
  names: readonly string[],
  paths: readonly string[],
  shelf = new ElementShelf(),
): Promise<Element[]> {
  const found = new Map<string, Element>();
  const provided = new Map<string, string>();
  const missing: Wanted[] = [];
  const waiting: Wanted[] = names.map(name => ({ name, from: 'the factory file' }));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (found.has(next.name) || provided.has(next.name)) continue;
    const element = await shelf.read(next.name, paths);
    if (element === undefined) {
      missing.push(next);
      continue;
    }
    found.set(element.name, element);
    for (const name of element.provides) {
      const other = provided.get(name);
      if (other !== undefined) throw conflict(name, other, element.name);
      provided.set(name, element.name);
    }
    for (const name of element.needs) waiting.push({ name, from: `element ${element.name}` });
  }
  const met = (name: string) => provided.has(name) || ENGINE_PROVIDES.includes(name);
  const unknown = missing.find(each => !met(each.name));
  if (unknown !== undefined) throw await unknownElement(unknown, paths);
  const twice = names.find(name => provided.has(name));
  if (twice !== undefined) throw conflict(twice, provided.get(twice) ?? '', twice);
  return [...found.values()]
    .filter(element => !provided.has(element.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The element, among some and all they need, that brings the root tree; undefined when none does. */
export async function operatingSystem(
  names: readonly string[],
  paths: readonly string[],
  shelf = new ElementShelf(),
): Promise<Element | undefined> {
  const seen = new Set<string>();
  const waiting = [...names];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const element = await shelf.read(name, paths);
    if (element?.provides.includes(OPERATING_SYSTEM)) return element;
    waiting.push(...(element?.needs ?? []));
  }
  return undefined;
}

function conflict(name: string, one: string, other: string): DefinitionError {
  return new DefinitionError(`the elements ${one} and ${other} both provide ${name}`, {
    advice: 'leave one of them out',
  });
}

interface Wanted {
  readonly name: string;
  /** Who names it, for messages. */
  readonly from: string;
}

async function readElement(name: string, paths: readonly string[]): Promise<Element | undefined> {
  // A name with a slash or of dots alone would lead out of the folders of elements.
  if (!/^\w[\w.+-]*$/.test(name)) return undefined;
  const path = paths.map(folder => join(folder, name)).find(isFolder);
  if (path === undefined) return undefined;
  return {
    name,
    path,
    needs: await words(join(path, 'element-deps')),
    provides: await words(join(path, 'element-provides')),
    digest: await digestFolder(path),
  };
}

async function unknownElement({ name, from }: Wanted, paths: readonly string[]): Promise<DefinitionError> {
  const near = closest(name, await knownElements(paths));
  return new DefinitionError(`${from} names the element ${name}, which is in none of ${paths.join(', ')}`, {
    advice: near === undefined ? 'add it, or remove its name' : `did you mean ${near}?`,
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function knownElements(paths: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(paths.map(path => readdir(path).catch(() => [])));
  return lists.flat();
}

async function words(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .map(line => line.replace(/#.*/, '').trim())
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '');
}

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
