import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { initrdEntries } from './initrd.ts';

interface Member {
  readonly name: string;
  readonly text: string;
  readonly time: number;
}

/** As cpio -H newc writes it. */
function archive(members: readonly Member[]): Buffer {
  const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
  const parts = [...members, { name: 'TRAILER!!!', text: '', time: 0 }].flatMap(({ name, text, time }) => {
    const [label, data] = [Buffer.from(`${name}\0`), Buffer.from(text)];
    const fields = [time, 0o100644, 1, 2, 1, time, data.length, 0, 0, 0, 0, label.length, 0];
    const header = `070701${fields.map(each => each.toString(16).padStart(8, '0')).join('')}`;
    return [padded(Buffer.concat([Buffer.from(header), label])), padded(data)];
  });
  return gzipSync(Buffer.concat(parts));
}

const member = fc.record({
  name: fc.stringMatching(/^[a-z/.-]{1,20}$/),
  text: fc.string({ maxLength: 50 }),
  time: fc.nat(),
});

it('tells every name with mode, owner and content, and nothing of its time', () =>
  fc.assert(
    fc.property(fc.array(member), members => {
      const lines = members.map(({ name, text }) => {
        const digest = createHash('sha256').update(text).digest('hex');
        return `${name} 100644 1:2 ${Buffer.byteLength(text)} ${digest}`;
      });
      const told = initrdEntries(archive(members)).split('\n');
      expect(told.filter(line => !line.startsWith('TRAILER!!! '))).toEqual(lines.sort());
    }),
  ));
