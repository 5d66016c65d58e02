import { DefinitionError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import type { Place } from './node.ts';
import { closest } from './words.ts';

export interface Hint {
  /** What would have been right: `a size such as 512MiB`. */
  readonly expected?: string;
  /** What the user wrote, and the words it may have been meant for. */
  readonly word?: string;
  readonly words?: Iterable<string>;
}

/** Every mistake of a factory file and the files it includes, so that the user gets them all at once. */
export class Mistakes {
  readonly #found: { place: Place; line: string }[] = [];

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** @param what what is wrong, without a final full stop */
  add(place: Place, what: string, hint: Hint = {}): void {
    const meant = hint.word === undefined ? undefined : closest(hint.word, hint.words ?? []);
    const line = [
      `${place.file}:${place.line}:${place.column}: ${what}`,
      ...(hint.expected === undefined ? [] : [`expected ${hint.expected}`]),
      ...(meant === undefined ? [] : [`did you mean ${meant}?`]),
    ].join(', ');
    // One setting reaches many image lines; its mistake is told once.
    const told = this.#found.some(each => each.line === clean(line));
    if (!told) this.#found.push({ place, line: clean(line) });
  }

  /** The mistakes, one a line, in the order of the files and of the lines in them. */
  lines(): string[] {
    const files = [...new Set(this.#found.map(({ place }) => place.file))];
    const order = (place: Place) => [files.indexOf(place.file), place.line, place.column] as const;
    return this.#found.toSorted((a, b) => compare(order(a.place), order(b.place))).map(({ line }) => line);
  }

  /** @throws DefinitionError that holds every mistake on a line of its own */
  throwIfAny(): void {
    if (this.any) throw new DefinitionError(this.lines().join('\n'));
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
