import {
  EMPTY,
  type Entry,
  isNull,
  type ListNode,
  type MapNode,
  type Node,
  type ScalarNode,
} from './node.ts';

/** Which `-x` words were met, and what they could have removed; one that removes nothing is a mistake. */
export class Removals {
  readonly #idle = new Map<ScalarNode, Set<string>>();
  readonly #done = new Set<ScalarNode>();

  note(word: ScalarNode, below: readonly Node[], removed: boolean): void {
    if (removed) this.#done.add(word);
    const known = this.#idle.get(word) ?? new Set();
    for (const item of below) if (item.kind === 'scalar') known.add(item.text);
    this.#idle.set(word, known);
  }

  /** The words that never removed anything, with the words that stood in their lists. */
  idle(): [word: ScalarNode, below: ReadonlySet<string>][] {
    return [...this.#idle].filter(([word]) => !this.#done.has(word));
  }
}

/**
 * Lays settings over each other, the later the stronger: maps merge, lists append (a word that is there
 * already stays where it is), `-x` removes x, null goes back to what is built in.
 * @param base what is built in
 * @param layers weakest first; they are of one shape, which the schema has seen to
 */
export function mergeLayers(base: MapNode, layers: readonly Node[], removals = new Removals()): MapNode {
  return layers
    .filter(layer => layer.kind === 'map')
    .reduce((merged, layer) => mergeMaps(merged, layer, base, removals), base);
}

function mergeMaps(under: MapNode, over: MapNode, base: MapNode, removals: Removals): MapNode {
  const entries = new Map(under.entries);
  for (const [key, entry] of over.entries) {
    const merged = mergeEntry(entries.get(key), entry, base.entries.get(key), removals);
    if (merged === undefined) entries.delete(key);
    else entries.set(key, merged);
  }
  return { ...over, entries };
}

function mergeEntry(
  under: Entry | undefined,
  over: Entry,
  base: Entry | undefined,
  removals: Removals,
): Entry | undefined {
  if (isNull(over.value)) return base;
  return { ...over, value: mergeNodes(under?.value, over.value, base?.value, removals) };
}

function mergeNodes(under: Node | undefined, over: Node, base: Node | undefined, removals: Removals): Node {
  if (over.kind === 'map') {
    const below = under?.kind === 'map' ? under : EMPTY;
    return mergeMaps(below, over, base?.kind === 'map' ? base : EMPTY, removals);
  }
  if (over.kind === 'list') return mergeLists(under?.kind === 'list' ? under : undefined, over, removals);
  return over;
}

function mergeLists(under: ListNode | undefined, over: ListNode, removals: Removals): ListNode {
  const words = over.items.filter(item => item.kind === 'scalar');
  const replaced = under?.standIn === true && words.some(word => !isRemoval(word));
  const items = new Map((replaced ? [] : (under?.items ?? [])).map(item => [keyOf(item), item]));
  for (const word of words) {
    if (isRemoval(word)) {
      removals.note(word, [...items.values()], items.has(word.text.slice(1)));
      items.delete(word.text.slice(1));
    } else if (!items.has(word.text)) {
      items.set(word.text, word);
    }
  }
  return {
    kind: 'list',
    items: [...items.values()],
    ...(over.place === undefined ? {} : { place: over.place }),
  };
}

/** What makes an item of a list the same as another. */
function keyOf(item: Node): unknown {
  return item.kind === 'scalar' ? item.text : item;
}

/** Whether a word of a list takes one away; no name that may stand in a list begins with a hyphen. */
export function isRemoval(word: ScalarNode): boolean {
  return word.text.startsWith('-');
}
