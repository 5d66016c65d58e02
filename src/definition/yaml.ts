import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml';
import type { Mistakes } from './mistakes.ts';
import {
  EMPTY,
  type Entry,
  type ListNode,
  type MapNode,
  type Node,
  type Place,
  type ScalarNode,
} from './node.ts';

/** A hand-written factory file has some hundred values; only aliases of aliases come here. */
const MOST_VALUES = 50_000;
const MOST_CHARACTERS = 1024 * 1024;
/** A syntax error brings others after it; the first few tell what is wrong. */
const MOST_SYNTAX_ERRORS = 10;
/** The grammar needs 5. */
const DEEPEST = 50;
const TOO_DEEP = 'maps and lists are nested too deep';
const TWICE = 'this key stands twice in one map';

/**
 * Reads YAML 1.2 with anchors, aliases and merge keys into nodes that know their place.
 * @param file how messages name the file
 * @returns undefined when the text cannot be read; the reasons are among the mistakes
 */
export function readYaml(text: string, file: string, mistakes: Mistakes): Node | undefined {
  const start = { file, line: 1, column: 1 };
  if (text.length > MOST_CHARACTERS) {
    mistakes.add(start, 'the file is too large for a factory file', { expected: 'at most 1 MiB' });
    return undefined;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...document.errors, ...document.warnings].slice(0, MOST_SYNTAX_ERRORS);
  for (const problem of problems) mistakes.add(place(problem.pos[0]), syntaxMistake(problem));
  if (document.directives?.yaml.version === '1.1') {
    mistakes.add(start, 'the file asks for YAML 1.1', { expected: 'YAML 1.2, without a %YAML line' });
    return undefined;
  }
  if (problems.length > 0) return undefined;
  return new Reader(place, mistakes).read(document.contents) ?? undefined;
}

function syntaxMistake(problem: Pick<YAMLParseError, 'code' | 'message'>): string {
  if (problem.message.startsWith('Maximum call stack')) return TOO_DEEP;
  if (problem.code === 'DUPLICATE_KEY') return TWICE;
  if (problem.code === 'MULTIPLE_DOCS') return 'a second YAML document begins here, a factory file is one';
  return `this is no YAML: ${problem.message.split('\n')[0] ?? ''}`;
}

/** Walks the parsed document once, in its own order, so that an alias finds the anchor before it. */
class Reader {
  readonly #anchors = new Map<string, unknown>();
  readonly #open = new Set<unknown>();
  readonly #place: (offset: number) => Place;
  readonly #mistakes: Mistakes;
  #values = 0;

  constructor(place: (offset: number) => Place, mistakes: Mistakes) {
    this.#place = place;
    this.#mistakes = mistakes;
  }

  /** @returns undefined for what was refused */
  read(node: unknown): Node | undefined {
    const place = this.#placeOf(node);
    this.#values += 1;
    if (this.#values > MOST_VALUES) {
      if (this.#values === MOST_VALUES + 1)
        this.#mistakes.add(place, 'the aliases multiply into too many values');
      return undefined;
    }
    if (this.#open.size > DEEPEST) {
      this.#mistakes.add(place, TOO_DEEP);
      return undefined;
    }
    if (isAlias(node)) return this.#readAlias(node.source, place);
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    }
    if (isMap(node)) return this.#inside(node, () => this.#readMap(node, place));
    if (isSeq(node)) return this.#inside(node, () => this.#readList(node.items, place));
    return isScalar(node) ? readScalar(node, place) : { kind: 'scalar', value: null, text: '', place };
  }

  #readAlias(name: string, place: Place): Node | undefined {
    const target = this.#anchors.get(name);
    if (target !== undefined && !this.#open.has(target)) return this.read(target);
    const what =
      target === undefined ? `no anchor &${name} stands before this alias` : `*${name} holds itself`;
    this.#mistakes.add(place, what, { word: name, words: this.#anchors.keys() });
    return undefined;
  }

  #inside<T>(node: unknown, body: () => T): T {
    this.#open.add(node);
    try {
      return body();
    } finally {
      this.#open.delete(node);
    }
  }

  #readList(items: readonly unknown[], place: Place): ListNode {
    return {
      kind: 'list',
      items: items.map(item => this.read(item)).filter(item => item !== undefined),
      place,
    };
  }

  #readMap(node: YAMLMap<unknown, unknown>, place: Place): MapNode {
    const entries = new Map<string, Entry>();
    const merged: MapNode[] = [];
    for (const pair of node.items) {
      if (isMergeKey(pair)) merged.push(...this.#readMerge(pair));
      else this.#readPair(pair, entries);
    }
    for (const [key, entry] of merged.flatMap(each => [...each.entries])) {
      if (!entries.has(key)) entries.set(key, entry);
    }
    return { kind: 'map', entries, place };
  }

  #readPair(pair: Pair<unknown, unknown>, entries: Map<string, Entry>): void {
    const key = isScalar(pair.key) ? readScalar(pair.key, this.#placeOf(pair.key)).text : undefined;
    const place = this.#placeOf(pair.key);
    if (key === undefined || key === '' || key === '__proto__') {
      this.#mistakes.add(place, 'this cannot be a key', { expected: 'a word' });
      return;
    }
    const value = pair.value === null ? undefined : this.read(pair.value);
    // For YAML 13 and "13" are two keys; here they are one.
    if (entries.has(key)) this.#mistakes.add(place, TWICE);
    else entries.set(key, { key: place, value: value ?? nothing(place) });
  }

  #readMerge(pair: Pair<unknown, unknown>): MapNode[] {
    const value = this.read(pair.value);
    const maps = value?.kind === 'list' ? value.items : [value ?? EMPTY];
    const found = maps.filter(each => each.kind === 'map');
    if (found.length < maps.length) {
      this.#mistakes.add(this.#placeOf(pair.key), 'the merge key << takes a map from elsewhere', {
        expected: '`<<: *anchor` of a map, or a list of such',
      });
    }
    return found;
  }

  #placeOf(node: unknown): Place {
    const range = isPair(node) ? undefined : rangeOf(node);
    return this.#place(range?.[0] ?? 0);
  }
}

function rangeOf(node: unknown): readonly number[] | undefined {
  const { range } = (node ?? {}) as { range?: readonly number[] | null };
  return range ?? undefined;
}

function nothing(place: Place): ScalarNode {
  return { kind: 'scalar', value: null, text: '', place };
}

function isMergeKey(pair: Pair<unknown, unknown>): boolean {
  return isScalar(pair.key) && typeof pair.key.value === 'symbol';
}

function readScalar(node: Scalar<unknown>, place: Place): ScalarNode {
  const { value } = node;
  if (typeof value === 'string') return { kind: 'scalar', value, text: value, place };
  const text = node.source ?? String(value ?? '');
  const known = typeof value === 'number' || typeof value === 'boolean';
  return { kind: 'scalar', value: known ? value : null, text, place };
}
