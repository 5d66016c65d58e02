import { DefinitionError } from '../host/errors.ts';
import type { Definition } from './factory.ts';
import type { ResolvedLine } from './lines.ts';
import type { Node, Place } from './node.ts';
import { alternatives, closest } from './words.ts';

type Row = readonly [key: string, value: string, place: Place | undefined];

/**
 * Every resolved value of an image line as it was written, with the `file:line` it came from or `built-in`:
 * one a line, in columns, `disk.reserve  512MiB  factory.yaml:7`.
 * @throws DefinitionError when there is no such line
 */
export function explain(definition: Definition, image: string): string[] {
  // The legs of one line differ in the architecture only, and all of those are listed.
  const leg = definition.lines.find(({ line }) => line.name === image);
  if (leg === undefined) {
    throw unknownImage(
      image,
      definition.factory.images.map(({ name }) => name),
    );
  }
  return columns(rowsOf(leg));
}

/** The error for an image line that is not there. */
export function unknownImage(image: string, names: readonly string[]): DefinitionError {
  const known = [...new Set(names)];
  const meant = closest(image, known);
  return new DefinitionError(`there is no image line ${JSON.stringify(image)}`, {
    advice: `expected ${alternatives(known)}${meant === undefined ? '' : `, did you mean ${meant}?`}`,
  });
}

/** Told by the rows of the line itself. */
const CHOSEN = new Set(['distribution', 'releases', 'variants']);

function rowsOf({ line, base, variant, settings }: ResolvedLine): Row[] {
  return [
    ['image', line.name, base.image.place],
    ['distribution', base.distribution.text, base.distribution.place],
    ['release', base.release.text, base.release.place],
    ...(variant === undefined ? [] : [['variant', variant.text, variant.place] as const]),
    ...[...settings.entries]
      .filter(([key]) => !CHOSEN.has(key))
      .flatMap(([key, { value }]) => rowsUnder(key, value)),
  ];
}

function rowsUnder(key: string, node: Node): Row[] {
  if (node.kind === 'scalar') return [[key, node.text, node.place]];
  const rows =
    node.kind === 'list'
      ? node.items.flatMap(item => rowsUnder(key, item))
      : [...node.entries].flatMap(([name, { value }]) => rowsUnder(`${key}.${name}`, value));
  return rows.length === 0 ? [[key, '(none)', node.place]] : rows;
}

function columns(rows: readonly Row[]): string[] {
  const width = (column: 0 | 1) => Math.min(60, Math.max(...rows.map(row => row[column].length)));
  const [keys, values] = [width(0), width(1)];
  return rows.map(([key, value, place]) => {
    const where = place === undefined ? 'built-in' : `${place.file}:${place.line}`;
    return `${key.padEnd(keys)}  ${value.padEnd(values)}  ${where}`;
  });
}
