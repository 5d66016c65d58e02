import { clean } from '../host/log.ts';

/**
 * Makes one or more lines of foreign text harmless for a CI runner: control characters go, and the two marks
 * a GitHub runner looks for are broken. `##[` is a command anywhere in a line, `::` at its beginning; both
 * are broken everywhere, since who prints the line next may cut or indent it.
 */
export function defang(text: string): string {
  return clean(text)
    .replace(/:(?=:)/g, ': ')
    .replace(/##(?=\[)/g, '## ');
}

/** The lines of a text that may come with any line end; a lone carriage return ends one too. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029\u0085\v\f]/);
}
