import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datagram, isArp } from '../../src/boot/packets.ts';
import { arpFrame, frame, ipv6Frame } from './frames.ts';

const port = fc.integer({ min: 0, max: 65_535 });
const payload = fc.uint8Array({ maxLength: 600 }).map(bytes => Buffer.from(bytes));
const parts = fc.record({
  protocol: fc.constantFrom('udp' as const, 'tcp' as const),
  source: fc.ipV4(),
  destination: fc.ipV4(),
  sourcePort: port,
  destinationPort: port,
  flags: fc.integer({ min: 0, max: 255 }),
  payload,
});

describe('datagram', () => {
  it('reads back what a frame was made of, without the padding', () => {
    fc.assert(
      fc.property(parts, made => {
        const { source: _, ...rest } = made;
        const flags = made.protocol === 'udp' ? 0 : made.flags;
        expect(datagram(frame(made))).toEqual({ ...rest, flags });
      }),
    );
  });

  it('reads UDP over IPv6', () => {
    const found = datagram(ipv6Frame([0xfec0, 0, 0, 0, 0, 0, 0, 3], 53, Buffer.from('q')));
    expect(found).toMatchObject({ destination: 'fec0:0:0:0:0:0:0:3', destinationPort: 53, protocol: 'udp' });
  });

  it('never throws, whatever a guest sends', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x0800, 0x86dd, 0x0806),
        (bytes, type) => {
          const hostile = Buffer.from(bytes);
          if (hostile.length >= 14) hostile.writeUInt16BE(type, 12);
          datagram(hostile);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('passes over later fragments, whose first bytes are no header', () => {
    const later = frame({
      protocol: 'udp',
      source: '10.0.0.1',
      destination: '10.0.0.2',
      sourcePort: 1,
      destinationPort: 67,
    });
    later.writeUInt16BE(5, 14 + 6);
    expect(datagram(later)).toBeUndefined();
  });

  it('tells ARP from the rest', () => {
    expect(isArp(arpFrame())).toBe(true);
    expect(isArp(Buffer.alloc(4))).toBe(false);
  });
});
