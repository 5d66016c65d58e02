import { resolve } from 'node:path';
import { alternatives, closest } from '../src/definition/words.ts';
import { DefinitionError } from '../src/host/errors.ts';
import type { Command, Input } from './inputs/types.ts';

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

type ValueOf<I extends Input> = I['kind'] extends 'flag'
  ? boolean
  : I['kind'] extends 'number'
    ? number
    : I['kind'] extends 'list' | 'words'
      ? readonly string[]
      : I extends { readonly choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** Always has a value: flags, lists, and what is required or has a default. */
type Certain = { kind: 'flag' | 'list' | 'words' } | { required: true } | { default: string };

/** The typed object that a command's inputs are read into; names are the inputs' in camel case. */
export type ValuesOf<C extends Command> = {
  readonly [I in Extract<C['inputs'][number], Certain> as CamelCase<I['name']>]: ValueOf<I>;
} & {
  readonly [I in Exclude<C['inputs'][number], Certain> as CamelCase<I['name']>]?: ValueOf<I>;
};

/** Where raw text comes from: `INPUT_*` or the command line. */
export interface Source {
  readonly place: 'action' | 'command-line';
  /** @returns undefined when the input was not given; `words` as a JSON list, since blanks may be in them */
  text(input: Input): string | undefined;
  /** How messages name it: `input stage`, `--stage` or `BUNDLE`. */
  label(input: Input): string;
}

/**
 * Reads every input once.
 * @throws DefinitionError that names the input and what was expected
 */
export function readValues<C extends Command>(command: C, source: Source): ValuesOf<C> {
  const values: Record<string, unknown> = {};
  for (const input of command.inputs) {
    const foreign = input.only !== undefined && input.only !== source.place;
    const value = parse(input, foreign ? input.default : given(input, source), source.label(input));
    if (value !== undefined) values[camelCase(input.name)] = value;
  }
  // The keys and kinds come from the table that the type is made of.
  return values as ValuesOf<C>;
}

export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
}

/** What an action's runner put into the environment; an empty input was not given. */
export function actionSource(env: Readonly<Record<string, string | undefined>>): Source {
  return {
    place: 'action',
    text: input => env[`INPUT_${input.name.replaceAll(' ', '_').toUpperCase()}`]?.trim() || undefined,
    label: input => `input ${input.name}`,
  };
}

function given(input: Input, source: Source): string | undefined {
  const text = source.text(input) ?? input.default;
  if (text !== undefined) {
    if (text.trim() === '') throw new DefinitionError(`${source.label(input)} is empty`);
    if (input.kind === 'secret' && source.place === 'command-line') checkReference(source.label(input), text);
    return text;
  }
  if (input.required === undefined) return undefined;
  throw new DefinitionError(`${source.label(input)} is missing`, {
    advice: input.description.replace(/\.$/, ''),
  });
}

function parse(input: Input, text: string | undefined, label: string): unknown {
  if (input.kind === 'words') return text === undefined ? [] : (JSON.parse(text) as string[]);
  if (input.kind === 'list') return (text ?? '').split(/[\s,]+/).filter(word => word !== '');
  if (text === undefined) return undefined;
  if (input.kind !== 'secret' && /[\0\r\n]/.test(text)) {
    throw new DefinitionError(`${label} has more than one line`);
  }
  if (input.kind === 'flag') return oneOf(label, text.toLowerCase(), ['true', 'false']) === 'true';
  if (input.kind === 'number') return positive(label, text);
  if (input.kind === 'choice') return oneOf(label, text, input.choices ?? []);
  return input.kind === 'path' ? resolve(text) : text;
}

function positive(label: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new DefinitionError(`${label} is ${JSON.stringify(text)}`, {
    advice: 'expected a whole number from 1 to 999999',
  });
}

/** One of a closed set of words, else a message that lists them. */
export function oneOf(label: string, text: string, words: readonly string[]): string {
  if (words.includes(text)) return text;
  const meant = closest(text, words);
  throw new DefinitionError(`${label} is ${JSON.stringify(text)}`, {
    advice: `expected ${alternatives(words)}${meant === undefined ? '' : `, did you mean ${meant}?`}`,
  });
}

/** The command line is seen by every user of the machine; the value itself is not repeated here either. */
function checkReference(label: string, text: string): void {
  if (/^(env|file):./s.test(text)) return;
  throw new DefinitionError(`${label} must not hold the secret itself on a command line`, {
    advice: 'give env:NAME or file:PATH',
  });
}
