import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closest } from '../definition/words.ts';
import { DefinitionError } from '../host/errors.ts';
import { digestFolder, isFolder } from './element-files.ts';

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

/** A function of an element that is worked out once for each, as it was read: the lines of a run ask it again and again. */
export function perElement<T>(work: (element: Element) => T): (element: Element) => T {
  const known = new WeakMap<Element, { readonly result: T }>();
  return element => {
    const found = known.get(element) ?? { result: work(element) };
    known.set(element, found);
    return found.result;
  };
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
 * elements that provide the same are a mistake. A circle of dependencies, which it lets pass, is one here.
 * @param paths folders of elements; the first that has a name wins
 * @throws DefinitionError for a name no folder has, for two that provide the same, and for a circle
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
  const elements = [...found.values()]
    .filter(element => !provided.has(element.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const circle = circleOf(new Map(elements.map(each => [each.name, each.needs])));
  if (circle !== undefined) {
    throw new DefinitionError(`elements need each other in a circle: ${circle.join(' -> ')}`, {
      advice: 'take one of these names out of an element-deps',
    });
  }
  return elements;
}

/** A way along the arrows that comes back to where it began, that name first and last; undefined where there is none. */
function circleOf(arrows: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const follow = (name: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return undefined;
    done.add(name);
    return firstOf(arrows.get(name) ?? [], next => follow(next, [...way, name]));
  };
  return firstOf([...arrows.keys()], name => follow(name, []));
}

function firstOf<T, R>(list: readonly T[], find: (each: T) => R | undefined): R | undefined {
  for (const each of list) {
    const found = find(each);
    if (found !== undefined) return found;
  }
  return undefined;
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
