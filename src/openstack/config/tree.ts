import { parseDocument } from 'yaml';
import { DefinitionError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';

/**
 * What stands in a YAML file, each scalar as it is written: a password of digits stays what the user wrote, with its
 * leading zeros.
 */
export type Tree = string | readonly Tree[] | Table;
export interface Table {
  readonly [key: string]: Tree | undefined;
}

export function isTable(tree: Tree | undefined): tree is Table {
  return typeof tree === 'object' && !Array.isArray(tree);
}

/** @throws DefinitionError, naming the line but never its content: the file holds passwords */
export function readTree(text: string, file: string): Table {
  const document = parseDocument(text, { schema: 'failsafe', merge: true, prettyErrors: true });
  const [mistake] = document.errors;
  if (mistake !== undefined) {
    const line = mistake.linePos?.[0].line ?? 1;
    throw new DefinitionError(
      `${file}:${line} is not YAML: ${mistake.code.toLowerCase().replaceAll('_', ' ')}`,
    );
  }
  const tree = tables(document.toJS({ maxAliasCount: 1000 }));
  if (tree === '') return {};
  if (!isTable(tree)) throw new DefinitionError(`${file} is not a map of settings`);
  return tree;
}

/** Without a prototype, so that a key such as `constructor` is not there unless somebody wrote it. */
function tables(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(tables);
  if (typeof value !== 'object' || value === null) return value === null ? '' : String(value);
  const table = emptyTable();
  for (const [key, each] of Object.entries(value)) table[key] = tables(each);
  return table;
}

function emptyTable(): Record<string, Tree> {
  return Object.create(null);
}

/** Tables merge, key by key; of anything else the later one counts. An empty value does not hide one. */
export function mergeTables(...layers: readonly Table[]): Table {
  const merged = emptyTable();
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      const before = merged[key];
      if (value === undefined || (value === '' && before !== undefined)) continue;
      merged[key] = isTable(value) && isTable(before) ? mergeTables(before, value) : value;
    }
  }
  return merged;
}

/** A setting that is one word; an empty one is not set. @throws DefinitionError when it is a list or a map */
export function word(table: Table, key: string, where: string): string | undefined {
  const value = table[key];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw new DefinitionError(`${clean(key)} of ${where} is not a single value`);
  return value;
}

/** A table below a key; an absent one is empty. @throws DefinitionError when it is something else */
export function table(parent: Table, key: string, where: string): Table {
  const value = parent[key];
  if (value === undefined || value === '') return {};
  if (!isTable(value)) throw new DefinitionError(`${clean(key)} of ${where} is not a map of settings`);
  return value;
}
