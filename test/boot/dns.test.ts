import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, askedName, isUnder, noSuchName, questionName } from '../../src/boot/dns.ts';
import { datagram } from '../../src/boot/packets.ts';
import { dnsQuery, frame } from './frames.ts';

const label = fc.stringMatching(/^[A-Za-z0-9-]{1,63}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'));

describe('questionName', () => {
  it('reads back the name that was asked for, in lower case', () => {
    fc.assert(
      fc.property(name, asked => {
        expect(questionName(dnsQuery(asked))).toBe(asked.toLowerCase());
      }),
    );
  });

  it('never throws, and never runs past the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        questionName(Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a name with a pointer in it for malformed', () => {
    const query = dnsQuery('a.example.net');
    query.writeUInt8(0xc0, 12);
    expect(questionName(Buffer.concat([query, Buffer.alloc(300)]))).toBeUndefined();
  });

  it('takes an answer for no query', () => {
    const answer = dnsQuery('a.example.net');
    answer.writeUInt8(0x81, 2);
    expect(questionName(answer)).toBeUndefined();
  });
});

describe('askedName', () => {
  const query = { source: '10.70.83.100', destination: '10.70.83.53', sourcePort: 4000 };

  it('reads UDP and TCP', () => {
    const payload = dnsQuery('a.example.net');
    const length = Buffer.from([0, payload.length]);
    const over = (protocol: 'udp' | 'tcp', body: Buffer) =>
      datagram(frame({ ...query, protocol, destinationPort: 53, payload: body }));
    for (const found of [over('udp', payload), over('tcp', Buffer.concat([length, payload]))]) {
      expect(found && askedName(found)).toBe('a.example.net');
    }
  });

  it('looks at the port of DNS only', () => {
    const payload = dnsQuery('a.example.net');
    const found = datagram(frame({ ...query, protocol: 'udp', destinationPort: 5353, payload }));
    expect(found && askedName(found)).toBeUndefined();
  });
});

describe('isUnder', () => {
  it.each([
    ['a.example.net', 'example.net', true],
    ['example.net', 'Example.net', true],
    ['badexample.net', 'example.net', false],
  ])('%s under %s: %s', (asked, domain, expected) => expect(isUnder(asked, domain)).toBe(expected));
});

describe('noSuchName', () => {
  it('sends the question back as an answer', () => {
    const answer = noSuchName(dnsQuery('a.example.net', 0x1234));
    expect([answer.readUInt16BE(0), answer.readUInt16BE(2)]).toEqual([0x1234, 0x8183]);
    expect(answer.subarray(4)).toEqual(dnsQuery('a.example.net').subarray(4));
  });
});

describe('addressOf', () => {
  it('names the address behind the question, before what the query carries besides', () => {
    const extra = Buffer.from([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    const query = Buffer.concat([dnsQuery('ntp.example.net'), extra]);
    const answer = addressOf(query, '10.70.83.2');
    const end = query.length - extra.length;
    expect(answer.subarray(2, 12)).toEqual(Buffer.from([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]));
    expect(answer.subarray(end, end + 2)).toEqual(Buffer.from([0xc0, 12]));
    expect(answer.subarray(end + 10, end + 16)).toEqual(Buffer.from([0, 4, 10, 70, 83, 2]));
    expect(answer.subarray(end + 16)).toEqual(extra);
  });

  it('has nothing for who asks for another kind of address', () => {
    const query = dnsQuery('ntp.example.net');
    query.writeUInt16BE(28, query.length - 4);
    expect(addressOf(query, '10.70.83.2').readUInt16BE(6)).toBe(0);
  });
});
