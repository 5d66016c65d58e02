import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeName } from '../../../src/image/read/names.ts';

test('any bytes survive as text', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      expect([...encodeName(decodeName(Buffer.from(bytes)))]).toEqual([...bytes]);
    }),
  ));

test('text stays what it is', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      expect(decodeName(Buffer.from(text))).toBe(text);
    }),
  ));

test('broken bytes stand apart from every text', () => {
  expect(decodeName(Buffer.from([0x61, 0xff, 0xc3, 0xbc, 0xe2, 0x82]))).toBe('a\udcffü\udce2\udc82');
  // A surrogate written as UTF-8 is no UTF-8, so it cannot pretend to be an escape.
  expect(decodeName(Buffer.from([0xed, 0xb3, 0xbf]))).toBe('\udced\udcb3\udcbf');
});

/** The reverse, as Python's os.fsencode has it. */
function encodeName(text: string): Buffer {
  const parts = text.match(/[\udc80-\udcff]|[\s\S]/gu) ?? [];
  return Buffer.concat(
    parts.map(part => (isEscaped(part) ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part))),
  );
}

function isEscaped(part: string): boolean {
  const code = part.charCodeAt(0);
  return part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
}
