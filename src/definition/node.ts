/** Where something was written. Absent on a node: it is built in. */
export interface Place {
  /** The file as the user named it, or as reached from there by `include`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As written, without quotes: `26.10` where the value is 26.1. */
  readonly text: string;
  readonly place?: Place;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly place?: Place;
  /** A built-in list that gives way to the first word said in its place. */
  readonly standIn?: true;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly place?: Place;
}

export interface Entry {
  /** Place of the key. */
  readonly key?: Place;
  readonly value: Node;
}

/** A value of a factory file that knows where it came from. */
export type Node = ScalarNode | ListNode | MapNode;

export const EMPTY: MapNode = { kind: 'map', entries: new Map() };

/** The node's key and value at a path; undefined where nothing is. */
export function entryAt(node: Node, path: readonly PropertyKey[]): Entry | undefined {
  let entry: Entry = { value: node };
  for (const step of path) {
    const next = child(entry.value, step);
    if (next === undefined) return undefined;
    entry = next;
  }
  return entry;
}

export function nodeAt(node: Node | undefined, ...path: readonly PropertyKey[]): Node | undefined {
  return node === undefined ? undefined : entryAt(node, path)?.value;
}

/** The key and value pairs of a map, none for anything else. */
export function entriesOf(node: Node | undefined): [string, Entry][] {
  return node?.kind === 'map' ? [...node.entries] : [];
}

/** The scalars of a list, none for anything else. */
export function wordsOf(node: Node | undefined): ScalarNode[] {
  return node?.kind === 'list' ? node.items.filter(item => item.kind === 'scalar') : [];
}

export function isNull(node: Node | undefined): boolean {
  return node?.kind === 'scalar' && node.value === null;
}

/** The text of a scalar that is not null. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'scalar' && node.value !== null ? node.text : undefined;
}

/** What the schema reads: plain values without places. */
export function toPlain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, toPlain(value)]));
}

/** The tree without the given nodes. */
export function prune(node: Node, bad: ReadonlySet<Node>): Node {
  if (node.kind === 'list') {
    return { ...node, items: node.items.filter(item => !bad.has(item)).map(item => prune(item, bad)) };
  }
  if (node.kind === 'scalar') return node;
  const kept = [...node.entries].filter(([, { value }]) => !bad.has(value));
  return {
    ...node,
    entries: new Map(kept.map(([key, entry]) => [key, { ...entry, value: prune(entry.value, bad) }])),
  };
}

/** A map from plain values (or nodes), without places: how built-in settings are written. */
export function builtInMap(values: object): MapNode {
  const entries = Object.entries(values).map(([key, value]): [string, Entry] => [
    key,
    { value: builtIn(value) },
  ]);
  return { kind: 'map', entries: new Map(entries) };
}

function builtIn(value: unknown): Node {
  if (isNode(value)) return value;
  if (Array.isArray(value)) return { kind: 'list', items: value.map(builtIn) };
  if (typeof value === 'object' && value !== null) return builtInMap(value);
  const scalar = typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
  return { kind: 'scalar', value: scalar, text: String(scalar) };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function child(node: Node, step: PropertyKey): Entry | undefined {
  if (node.kind === 'map') return node.entries.get(String(step));
  const item = node.kind === 'list' ? node.items[Number(step)] : undefined;
  return item === undefined ? undefined : { value: item };
}
