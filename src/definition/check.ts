import { z } from 'zod';
import type { Hint, Mistakes } from './mistakes.ts';
import { entryAt, type Node, type Place, toPlain } from './node.ts';
import { alternatives, closest } from './words.ts';

type Path = readonly PropertyKey[];

export interface Checked<T> {
  /** Absent when there was a mistake. */
  readonly value?: T;
  /** The nodes that are wrong. */
  readonly bad: ReadonlySet<Node>;
  /** Paths, `images.debian.releases`, of which nothing can be said: wrong, or written as a misspelt key. */
  readonly unsure: ReadonlySet<string>;
}

interface Finding {
  readonly path: Path;
  /** Whether the key is wrong, not the value. */
  readonly key: boolean;
  readonly what: string;
  readonly hint: Hint;
}

/**
 * Reads a node by a schema; every mistake goes to the list, with the place of the key or value that is wrong.
 * @param within the node's own path, `stages.staging`; empty: it is a whole file
 * @param fallback the place of a mistake in what nobody wrote
 */
export function check<T>(
  schema: z.ZodType<T>,
  node: Node,
  mistakes: Mistakes,
  { within, fallback }: { within: string; fallback: Place },
): Checked<T> {
  const result = schema.safeParse(toPlain(node));
  const bad = new Set<Node>();
  const unsure = new Set<string>();
  if (result.success) return { value: result.data, bad, unsure };
  for (const finding of firstPerPath(
    result.error.issues.flatMap(issue => explainIssue(issue, schema, node)),
  )) {
    const { path, key, what, hint } = finding;
    const entry = entryAt(node, path);
    if (entry !== undefined) bad.add(entry.value);
    for (const each of unsurePaths(finding)) unsure.add(each);
    const place = (key ? entry?.key : entry?.value.place) ?? placeAbove(node, path) ?? fallback;
    mistakes.add(place, what.replace('%s', nameOf(path, key, within)), hint);
  }
  return { bad, unsure };
}

/** How a message names a path; the key itself stands in the message already. */
function nameOf(path: Path, key: boolean, within: string): string {
  const steps = (key ? path.slice(0, -1) : path).filter(step => typeof step !== 'number');
  const name = [...(within === '' ? [] : [within]), ...steps].join('.');
  return name === '' ? 'the factory file' : name;
}

function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, node: Node): Finding[] {
  if (issue.code === 'unrecognized_keys') {
    const words = keysAt(schema, issue.path);
    return issue.keys.map(word => ({
      path: [...issue.path, word],
      key: true,
      what: `unknown key ${quoted(word)} in %s`,
      hint: { expected: `one of ${alternatives(words)}`, word, words },
    }));
  }
  if (issue.code === 'invalid_key') return [explainKey(issue)];
  return [explainValue(issue, entryAt(node, issue.path)?.value)];
}

function explainKey(issue: z.core.$ZodIssueInvalidKey): Finding {
  const word = String(issue.path.at(-1));
  const [first] = issue.issues;
  // Of several kinds of names, the words that are known tell most.
  const inner = first?.code === 'invalid_union' ? first.errors[0]?.[0] : first;
  const words = inner?.code === 'invalid_value' ? inner.values.map(String) : undefined;
  const expected = words === undefined ? inner?.message : alternatives(words);
  return {
    path: issue.path,
    key: true,
    what:
      words === undefined ? `${quoted(word)} cannot be a name in %s` : `unknown key ${quoted(word)} in %s`,
    hint: { word, words: words ?? [], ...(expected === undefined ? {} : { expected }) },
  };
}

function explainValue(issue: z.core.$ZodIssue, node: Node | undefined): Finding {
  const { path } = issue;
  if (issue.code === 'invalid_value' && issue.values.every(value => typeof value === 'string')) {
    const word = node?.kind === 'scalar' ? node.text : undefined;
    const words = issue.values;
    const expected = alternatives(words.filter(each => !each.startsWith('-')));
    if (word === undefined) return { path, key: false, what: `%s is ${kindOf(node)}`, hint: { expected } };
    return { path, key: false, what: `unknown word ${quoted(word)} in %s`, hint: { expected, word, words } };
  }
  // The value is not told: it may be a secret in the wrong place.
  const wrong = issue.code === 'invalid_type' ? `is ${kindOf(node)}` : 'is not right';
  return {
    path,
    key: false,
    what: `%s ${wrong}`,
    hint: { expected: `${issue.message}${cure(issue, node)}` },
  };
}

function cure(issue: z.core.$ZodIssue, node: Node | undefined): string {
  if (issue.code !== 'invalid_type' || node?.kind !== 'scalar' || node.value === null) return '';
  return issue.expected === 'array' && /^[\w.-]{1,40}$/.test(node.text) ? `: write [${node.text}]` : '';
}

function kindOf(node: Node | undefined): string {
  if (node === undefined) return 'missing';
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  if (node.value === null) return 'empty';
  return { string: 'text', number: 'a number', boolean: 'true or false' }[typeof node.value as 'string'];
}

/** The keys that may stand in the map at a path. */
function keysAt(schema: z.core.$ZodType | undefined, path: Path): string[] {
  let here = schema;
  while (here instanceof z.ZodOptional || here instanceof z.ZodNullable) here = here.unwrap();
  const [step, ...rest] = path;
  if (here instanceof z.ZodRecord) {
    if (step !== undefined) return keysAt(here.valueType, rest);
    return here.keyType instanceof z.ZodEnum ? here.keyType.options.map(String) : [];
  }
  if (!(here instanceof z.ZodObject)) return [];
  return step === undefined ? Object.keys(here.shape) : keysAt(here.shape[String(step)], rest);
}

function firstPerPath(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, Finding>();
  for (const finding of findings) {
    const id = JSON.stringify(finding.path.map(String));
    if (!first.has(id)) first.set(id, finding);
  }
  return [...first.values()];
}

function unsurePaths({ path, key, hint }: Finding): string[] {
  const above = path.slice(0, -1);
  const last = path.at(-1);
  if (typeof last === 'number') return [above.join('.')];
  const meant = key && hint.word !== undefined ? closest(hint.word, hint.words ?? []) : undefined;
  return [path.join('.'), ...(meant === undefined ? [] : [[...above, meant].join('.')])];
}

function placeAbove(node: Node, path: Path): Place | undefined {
  for (let length = path.length - 1; length >= 0; length--) {
    const place = entryAt(node, path.slice(0, length))?.value.place;
    if (place !== undefined) return place;
  }
  return undefined;
}

function quoted(word: string): string {
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 60)}...` : word);
}
