import { DefinitionError } from '../host/errors.ts';

/**
 * Parses JSON that somebody else may have written. Readers disagree on a key that stands twice and on
 * `__proto__`, so both are refused: what was signed must mean one thing only.
 * @param what names the file in messages
 * @throws DefinitionError
 */
export function parseJson(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DefinitionError(`${what} is not JSON`, { cause });
  }
  const key = ambiguousKey(text);
  if (key === undefined) return value;
  throw new DefinitionError(`${what} has the key ${JSON.stringify(key)} where no reader can be sure of it`);
}

/** The first key that stands twice in one object, or that is no plain key; the text is known to be JSON. */
function ambiguousKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let word = '';
  for (const token of tokens(text)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const key: string = JSON.parse(word);
      const keys = open.at(-1);
      if (key === '__proto__' || keys?.has(key)) return key;
      keys?.add(key);
    } else word = token;
  }
  return undefined;
}

// A pattern that matches a string whole would run out of stack on one of several megabytes.
const MARK = /\\.|["{}[\]:]/g;

/** Strings, with their quotes, and the marks between them that tell whose keys they are. */
function* tokens(text: string): Generator<string> {
  let start: number | undefined; // of the string we are in
  for (const { 0: mark, index } of text.matchAll(MARK)) {
    if (start === undefined && mark !== '"') yield mark;
    else if (start === undefined) start = index;
    else if (mark === '"') {
      yield text.slice(start, index + 1);
      start = undefined;
    }
  }
}

/** The form in which JSON files of a bundle are written. */
export function writeJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
