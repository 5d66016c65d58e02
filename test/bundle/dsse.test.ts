import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatEnvelope,
  IN_TOTO_PAYLOAD,
  parseEnvelope,
  preAuthenticationEncoding,
} from '../../src/bundle/dsse.ts';
import { DefinitionError } from '../../src/host/errors.ts';

const bytes = (least = 0) =>
  fc.uint8Array({ minLength: least, maxLength: 60 }).map(each => Buffer.from(each));

describe('what is signed', () => {
  it("is the specification's example, byte for byte", () => {
    const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('counts bytes, not characters', () => {
    expect(preAuthenticationEncoding('ä', Buffer.from('€')).toString()).toBe('DSSEv1 2 ä 3 €');
  });

  it('is the same for no two pairs of type and payload', () => {
    // Few characters, so that digits and spaces could be taken for lengths if they were ever ambiguous.
    const type = fc.string({ unit: fc.constantFrom('1', ' ', 'a', '0'), maxLength: 8 });
    fc.assert(
      fc.property(type, type, type, type, (typeA, payloadA, typeB, payloadB) => {
        fc.pre(typeA !== typeB || payloadA !== payloadB);
        const a = preAuthenticationEncoding(typeA, Buffer.from(payloadA));
        expect(a.equals(preAuthenticationEncoding(typeB, Buffer.from(payloadB)))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('lets no character move from the type to the payload', () => {
    const a = preAuthenticationEncoding('ab', Buffer.from('c'));
    expect(a.equals(preAuthenticationEncoding('a', Buffer.from('bc')))).toBe(false);
    expect(a.equals(preAuthenticationEncoding('ab 1 c', Buffer.from('')))).toBe(false);
  });
});

describe('an envelope', () => {
  it('is read as it was written, and from the URL-safe alphabet too', () => {
    const signature = fc.record({ keyid: fc.string(), sig: bytes(1) });
    const signatures = fc.array(signature, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(bytes(1), signatures, (payload, signed) => {
        const envelope = { payloadType: IN_TOTO_PAYLOAD, payload, signatures: signed };
        const text = formatEnvelope(envelope);
        expect(parseEnvelope(text, 'it')).toEqual(envelope);
        const told = JSON.parse(text);
        const safe = JSON.stringify({ ...told, payload: payload.toString('base64url') });
        expect(parseEnvelope(safe, 'it')).toEqual(envelope);
      }),
    );
  });

  const good = { payloadType: IN_TOTO_PAYLOAD, payload: 'e30=', signatures: [{ keyid: '', sig: 'AAAA' }] };
  const text = JSON.stringify(good);

  it.each([
    ['no JSON', '{', /not JSON/],
    ['another payload type', JSON.stringify({ ...good, payloadType: 'text/plain' }), /payload type "text/],
    ['no signature', JSON.stringify({ ...good, signatures: [] }), /no signature/],
    [
      'nine signatures',
      JSON.stringify({ ...good, signatures: Array(9).fill(good.signatures[0]) }),
      /too many/,
    ],
    ['a field nobody knows', JSON.stringify({ ...good, extra: 1 }), /malformed/],
    ['a payload that is no base64', JSON.stringify({ ...good, payload: 'e3 0=' }), /payload: not base64/],
    ['two alphabets at once', JSON.stringify({ ...good, payload: '+_==' }), /not base64/],
    ['a payload that is no text', JSON.stringify({ ...good, payload: {} }), /at payload/],
    ['a key that stands twice', text.replace('{', '{"payload":"e30=",'), /the key "payload"/],
    [
      'a key that stands twice, once in disguise',
      text.replace('{', '{"\\u0070ayload":"e30=",'),
      /the key "payload"/,
    ],
    ['a signature whose key stands twice', text.replace('"sig"', '"sig":"BBBB","sig"'), /the key "sig"/],
    ['a prototype', text.replace('{', '{"__proto__":{},'), /__proto__/],
  ])('with %s is refused in one line', (_what, junk, told) => {
    expect(() => parseEnvelope(junk, 'it')).toThrow(told);
    expect(() => parseEnvelope(junk, 'it')).toThrow(DefinitionError);
    expect(() => parseEnvelope(junk, 'it')).not.toThrow(/\n/);
  });

  it('may have a payload of many megabytes', () => {
    const payload = Buffer.alloc(12 * 1024 * 1024, 'x');
    const large = JSON.stringify({ ...good, payload: payload.toString('base64') });
    expect(parseEnvelope(large, 'it').payload.equals(payload)).toBe(true);
  });

  it('that is any junk is refused as wrong input, never as our bug', () => {
    const part = fc.oneof(fc.json(), fc.string(), fc.constantFrom('{"payloadType":1}', '[]', 'null', '"x"'));
    fc.assert(
      fc.property(part, junk => {
        expect(() => parseEnvelope(junk, 'it')).toThrow(DefinitionError);
      }),
    );
  });
});
