import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { check } from './check.ts';
import type { Mistakes } from './mistakes.ts';
import { entryAt, isNull, type MapNode, type Node, nodeAt, type Place, prune, wordsOf } from './node.ts';
import { factorySchema } from './schema.ts';
import { readYaml } from './yaml.ts';

export type ReadText = (path: string) => Promise<string>;

export interface Sources {
  /** The factory file and all it includes, weakest first; each fits the schema, wrong parts are left out. */
  readonly files: readonly MapNode[];
  /** Paths of which nothing can be said, since a mistake stands there. */
  readonly unsure: ReadonlySet<string>;
  /** False when a file could not be read at all, so that what is missing may stand in it. */
  readonly complete: boolean;
  readonly start: Place;
}

const MOST_FILES = 100;

/** Reads a factory file and what it includes; a file that several include counts where it comes first. */
export async function readSources(file: string, mistakes: Mistakes, read: ReadText): Promise<Sources> {
  const start = { file, line: 1, column: 1 };
  const reader = new SourceReader(mistakes, read);
  await reader.visit(file, start, []);
  return { files: reader.files, unsure: reader.unsure, complete: reader.complete, start };
}

class SourceReader {
  readonly files: MapNode[] = [];
  readonly unsure = new Set<string>();
  complete = true;
  readonly #visited = new Set<string>();
  readonly #mistakes: Mistakes;
  readonly #read: ReadText;

  constructor(mistakes: Mistakes, read: ReadText) {
    this.#mistakes = mistakes;
    this.#read = read;
  }

  /** @param from where the file is named; @param above the files that led here */
  async visit(file: string, from: Place, above: readonly string[]): Promise<void> {
    const path = resolve(file);
    if (above.includes(path)) {
      this.#mistakes.add(from, `${file} includes itself, by way of ${above.length} files`);
      return;
    }
    if (this.#visited.has(path)) return;
    this.#visited.add(path);
    if (this.#visited.size > MOST_FILES) {
      this.#mistakes.add(from, `more than ${MOST_FILES} files are included`);
      return;
    }
    const root = await this.#parse(file, from);
    if (root === undefined) {
      this.complete = false;
      return;
    }
    for (const item of wordsOf(nodeAt(root, 'include'))) {
      const place = item.place ?? from;
      if (isAbsolute(item.text)) this.#mistakes.add(place, `include: ${item.text} is absolute`, RELATIVE);
      else await this.visit(join(dirname(file), item.text), place, [...above, path]);
    }
    this.files.push(root);
  }

  async #parse(file: string, from: Place): Promise<MapNode | undefined> {
    const text = await this.#text(file, from);
    const root = text === undefined ? undefined : readYaml(text, file, this.#mistakes);
    const start = { file, line: 1, column: 1 };
    if (root === undefined) return undefined;
    if (isNull(root)) {
      this.#mistakes.add(start, 'the file is empty', SMALLEST);
      return undefined;
    }
    const checked = check(factorySchema, root, this.#mistakes, {
      within: '',
      fallback: start,
    });
    for (const path of checked.unsure) this.unsure.add(path);
    const kept = prune(root, checked.bad);
    return kept.kind === 'map' ? kept : undefined;
  }

  async #text(file: string, from: Place): Promise<string | undefined> {
    try {
      return await this.#read(resolve(file));
    } catch (error) {
      const [what, expected] = readFailure(error);
      this.#mistakes.add(from, `${file} ${what}`, { expected });
      return undefined;
    }
  }
}

const RELATIVE = { expected: 'a path relative to the file that names it' };
const SMALLEST = { expected: 'at least `images: {debian: {releases: [13]}}`' };

function readFailure(error: unknown): [what: string, expected: string] {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return ['is not there', 'the path of a factory file'];
  if (code === 'EISDIR') return ['is a directory', 'the path of a factory file, such as factory.yaml in it'];
  if (error instanceof TypeError) return ['is not UTF-8 text', 'YAML in UTF-8'];
  return [`cannot be read (${message})`, 'a file that can be read'];
}

/** @throws TypeError for what is not UTF-8 */
export async function readUtf8(path: string): Promise<string> {
  return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
}

/** Everything the files say at a path, weakest first; a section set to null says nothing. */
export function layersAt(sources: Sources, ...path: readonly string[]): Node[] {
  return sources.files
    .map(file => nodeAt(file, ...path))
    .filter(node => node !== undefined)
    .filter(node => !isNull(node));
}

/** The names of a section, in order, each with the place of its first key. */
export function namesOf(sources: Sources, section: string): Map<string, Place> {
  const names = new Map<string, Place>();
  for (const layer of layersAt(sources, section)) {
    if (layer.kind !== 'map') continue;
    for (const [name, { key }] of layer.entries) if (!names.has(name)) names.set(name, key ?? sources.start);
  }
  return names;
}

/** The key's or value's own place for a path in the strongest file that has it. */
export function placeOf(sources: Sources, ...path: readonly string[]): Place {
  const entries = sources.files.map(file => entryAt(file, path)).filter(entry => entry !== undefined);
  const last = entries.at(-1);
  return last?.key ?? last?.value.place ?? sources.start;
}
