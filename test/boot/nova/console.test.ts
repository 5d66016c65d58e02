import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConsoleStream } from '../../../src/boot/console-stream.ts';
import { ConsoleNews } from '../../../src/boot/nova/console.ts';

const LINES = Array.from({ length: 300 }, (_, number) => `[ ${number}.000000] line ${number}`);
const LOG = LINES.map(line => `${line}\r\n`).join('');
/** Characters of its end that Nova tells. */
const WINDOW = 3000;

/** What is shown of a console of which so much was written each time it was told. */
function shownOf(written: readonly number[]): string[] {
  const shown: string[] = [];
  const log = { info: () => {}, untrusted: (_source: string, line: string) => void shown.push(line) };
  const news = new ConsoleNews(new ConsoleStream(log));
  for (const end of written) news.see(LOG.slice(Math.max(0, end - WINDOW), end));
  news.end();
  return shown;
}

it('shows each line once, though a log is told as a whole, and from some time on without its begin', () => {
  const step = fc.integer({ min: 0, max: WINDOW - 500 });
  fc.assert(
    fc.property(fc.array(step, { minLength: 20 }), steps => {
      let end = 0;
      const written = steps.map(each => (end = Math.min(LOG.length, end + each)));
      expect(shownOf(written).join('\n')).toBe(LOG.slice(0, end).replaceAll('\r\n', '\n').trimEnd());
    }),
  );
});

it('shows nothing again of an answer that comes late', () => {
  expect(shownOf([900, 600, 900])).toEqual(shownOf([900]));
});

it('goes on with what there is after a gap', () => {
  const shown = shownOf([1000, LOG.length]);
  expect(shown.at(-1)).toBe(LINES.at(-1));
  expect(new Set(shown).size).toBe(shown.length);
});
