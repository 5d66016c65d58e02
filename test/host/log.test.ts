import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clean } from '../../src/host/log.ts';

/** Everything that moves a cursor, hides text or turns its direction; Unicode's own classes are the judge. */
const FORBIDDEN = /(?!\t)\p{Cc}|\p{Bidi_Control}|[\u2028\u2029]/u;

describe('clean', () => {
  it('leaves no control, escape or bidirectional character, whatever comes', () => {
    const nasty = fc.constantFrom(
      ...['\u001b', '\u001b[', '\u001b]8;;', '\u009b', '\u0007', '\r', '\n', '\u202e', '\u061c', '\u200f'],
      ...['\u2066', '\u2028', '\u0000', '\u007f', '31m', 'text', '\t', '\\', ';', 'ü', '😀'],
    );
    const text = fc
      .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 4 })))
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(text, each => {
        expect(clean(each)).not.toMatch(FORBIDDEN);
      }),
      { numRuns: 1000 },
    );
  });

  it('finds nothing to do in what it has cleaned', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), each => clean(clean(each)) === clean(each)));
  });

  it.each([
    ['a colour', '\u001b[1;31mred\u001b[0m', 'red'],
    ['a title', '\u001b]0;owned\u0007after', 'after'],
    ['a link', '\u001b]8;;http://example.org\u001b\\here\u001b]8;;\u001b\\', 'here'],
    ['a charset switch', '\u001b(0x', '(0x'],
    ['a cursor move by a C1 control', '\u009b2Jx', '2Jx'],
    ['a turned name', 'exe\u202egnp.tpircs', 'exegnp.tpircs'],
    ['two lines', 'one\ntwo', 'one two'],
    ['a progress meter', '10%\r20%', '10%20%'],
    ['plain text in any script', 'Grüße\t名前 😀 مرحبا', 'Grüße\t名前 😀 مرحبا'],
  ])('cleans %s', (_what, dirty, wanted) => expect(clean(dirty)).toBe(wanted));

  it('is quick on what is made to be slow', () => {
    const start = performance.now();
    for (const part of ['\u001b]', '\u001b[0', '\u001b[ ']) clean(part.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
