import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, writeJson } from '../../src/bundle/json.ts';
import { DefinitionError } from '../../src/host/errors.ts';

describe('JSON of others', () => {
  it('is read as what it says when every key stands once', () => {
    const key = fc.string({ unit: fc.constantFrom('"', '\\', '{', ':', ',', 'a', '[', '\u2028') });
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: fc.constantFrom('"', '\\', '}', ':', ',', 'a') }),
        fc.integer(),
        fc.constantFrom(true, null),
        fc.array(tie('value')),
        fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, each => {
        expect(parseJson(writeJson(each), 'it')).toEqual(each);
      }),
    );
  });

  it.each([
    ['{"a":1,"a":1}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['[{"b":{"c":[],"c":{}}}]', 'c'],
    ['{"a":"}","a":2}', 'a'],
    ['{"a":{"a":1},"b":[{"a":1}],"a":1}', 'a'],
    ['{"":1,"":2}', ''],
    ['{"__proto__":{}}', '__proto__'],
    ['{"a":{"\\u005f_proto__":1}}', '__proto__'],
  ])('%s is refused, by the name of the key', (text, key) => {
    expect(() => parseJson(text, 'it')).toThrow(DefinitionError);
    expect(() => parseJson(text, 'it')).toThrow(`it has the key ${JSON.stringify(key)}`);
  });

  it('may have one key in several objects, and any word as a value', () => {
    const text = '{"a":{"a":"a"},"b":[{"a":"__proto__"},{"a":"\\":"}]}';
    expect(parseJson(text, 'it')).toEqual(JSON.parse(text));
  });

  it('may have one string of many megabytes', () => {
    const long = 'xyz\\'.repeat(2 * 1024 * 1024);
    expect(parseJson(JSON.stringify([long]), 'it')).toEqual([long]);
  });
});
