import fc from 'fast-check';
import { expect, it } from 'vitest';
import { minimumOf } from '../../src/image/minimum.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

it('counts the system, the kernel twice and its initramfs four times', () => {
  const entries = [
    { path: '/boot/vmlinuz-6.1.0-56-cloud-amd64', size: 14 * MIB },
    { path: '/boot/initrd.img-6.1.0-56-cloud-amd64', size: 13 * MIB },
    { path: '/boot/vmlinuz-old', size: 9 * MIB },
    { path: '/usr/boot/vmlinuz-6', size: 900 * MIB },
  ];
  // 256 + 28 + 52, in steps of 64.
  expect(minimumOf(entries, GIB)).toEqual({ disk: 1, memory: 384 });
  expect(minimumOf([], GIB + 1)).toEqual({ disk: 2, memory: 256 });
});

it('takes the kernel that needs most, whatever stands beside it', () => {
  const size = fc.integer({ min: 0, max: 200 * MIB });
  fc.assert(
    fc.property(fc.array(fc.tuple(size, size), { minLength: 1, maxLength: 5 }), kernels => {
      const entries = kernels.flatMap(([kernel, initrd], index) => [
        { path: `/boot/initrd.img-${index}`, size: initrd },
        { path: `/boot/vmlinuz-${index}`, size: kernel },
      ]);
      const { memory } = minimumOf(entries, GIB);
      const each = kernels.map((_, index) => minimumOf(entries.slice(2 * index, 2 * index + 2), GIB).memory);
      expect(memory).toBe(Math.max(...each));
      expect(memory % 64).toBe(0);
    }),
  );
});
