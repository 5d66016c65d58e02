import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSegment, readdressed } from '../../src/boot/relay.ts';
import { arpFrame, checksum, frame } from './frames.ts';

const octet = fc.integer({ min: 1, max: 254 });
const endpoint = fc.record({
  address: fc.tuple(octet, octet, octet, octet).map(each => each.join('.')),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const parts = fc.record({
  ...{ one: endpoint, other: endpoint, next: endpoint },
  payload: fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
});

/** A segment of TCP, with a sum of zero over all that it covers where its own checksum is right. */
function sums(bytes: Buffer): { header: number; segment: number } {
  const [header, end] = [bytes.subarray(14, 34), 14 + bytes.readUInt16BE(16)];
  const segment = bytes.subarray(34, end);
  const even = segment.length % 2 === 0 ? segment : Buffer.concat([segment, Buffer.alloc(1)]);
  const pseudo = Buffer.concat([header.subarray(12, 20), Buffer.from([0, 6, 0, 0]), even]);
  pseudo.writeUInt16BE(segment.length, 10);
  return { header: checksum(header), segment: checksum(pseudo) };
}

const segmentOf = (from: { address: string; port: number }, to: typeof from, payload: Buffer) =>
  frame({
    ...{ protocol: 'tcp', source: from.address, sourcePort: from.port },
    ...{ destination: to.address, destinationPort: to.port, flags: 0x10, payload },
  });

describe('readdressed', () => {
  it('changes one end and the checksums, and there and back is what it was', () => {
    fc.assert(
      fc.property(parts, ({ one, other, next, payload }) => {
        for (const side of ['to', 'from'] as const) {
          const before = readdressed(segmentOf(one, other, payload), side, side === 'to' ? other : one);
          const after = readdressed(before, side, next);
          expect(isSegment(after, side, next)).toBe(true);
          expect(isSegment(after, side === 'to' ? 'from' : 'to', side === 'to' ? one : other)).toBe(true);
          expect(sums(after)).toEqual({ header: 0, segment: 0 });
          expect(readdressed(after, side, side === 'to' ? other : one)).toEqual(before);
        }
      }),
    );
  });

  it('leaves alone what is no segment of TCP, or not a whole one', () => {
    const [one, other] = [
      { address: '10.0.0.1', port: 1 },
      { address: '10.0.0.2', port: 2 },
    ];
    const fragment = segmentOf(one, other, Buffer.alloc(40));
    fragment.writeUInt16BE(0x2000, 20);
    const cut = segmentOf(one, other, Buffer.alloc(40)).subarray(0, 60);
    const udp = frame({
      protocol: 'udp',
      source: '10.0.0.1',
      sourcePort: 1,
      destination: '10.0.0.2',
      destinationPort: 2,
    });
    for (const each of [fragment, cut, udp, arpFrame(), Buffer.alloc(0)]) {
      expect(isSegment(each, 'to', other)).toBe(false);
      expect(readdressed(each, 'to', one)).toEqual(each);
    }
  });
});
