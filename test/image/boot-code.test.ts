import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bootSector, coreImage, holdsCore } from '../../src/image/boot-code.ts';

// The offsets are GRUB's own words: GRUB_BOOT_MACHINE_KERNEL_SECTOR, _DRIVE_CHECK, _PART_TABLE less the disk's
// signature in include/grub/i386/pc/boot.h, and the blocklist at the end of diskboot.img's sector.
const [KERNEL_SECTOR, DRIVE_CHECK, CODE_END, BLOCKLIST] = [0x5c, 0x66, 0x1b8, 0x200 - 12];

it('the boot sector is boot.img with the address of the core, and nothing of the partition table', () => {
  const image = randomBytes(512);
  const code = bootSector(image, 2048);
  expect(code).toHaveLength(CODE_END);
  expect(code.readBigUInt64LE(KERNEL_SECTOR)).toBe(2048n);
  expect([...code.subarray(DRIVE_CHECK, DRIVE_CHECK + 2)]).toEqual([0x90, 0x90]);
  image.copy(code, KERNEL_SECTOR, KERNEL_SECTOR, KERNEL_SECTOR + 8);
  image.copy(code, DRIVE_CHECK, DRIVE_CHECK, DRIVE_CHECK + 2);
  expect(code.equals(image.subarray(0, CODE_END))).toBe(true);
});

it('leaves the image that it was given as it is', () => {
  const [boot, core] = [Buffer.alloc(512, 7), Buffer.alloc(1024, 7)];
  bootSector(boot, 1);
  coreImage(core, 1);
  expect(boot.equals(Buffer.alloc(512, 7)) && core.equals(Buffer.alloc(1024, 7))).toBe(true);
});

it('the core lists its own blocks: all after the first, from where they lie', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 513, max: 200_000 }),
      fc.integer({ min: 34, max: 2 ** 40 }),
      (length, start) => {
        const core = Buffer.alloc(length, 0xaa);
        const image = coreImage(core, start);
        expect(image.length % 512).toBe(0);
        expect(image.length - length).toBeLessThan(512);
        expect(image.readBigUInt64LE(BLOCKLIST)).toBe(BigInt(start + 1));
        expect(image.readUInt16LE(BLOCKLIST + 8)).toBe(image.length / 512 - 1);
        expect(image.readUInt16LE(BLOCKLIST + 10)).toBe(0x820);
        expect(image.subarray(512, length).equals(core.subarray(512))).toBe(true);
        expect(image.subarray(length).every(byte => byte === 0)).toBe(true);
      },
    ),
  );
});

it('knows its core where grub-install put it, with redundancy behind it, and no other', () => {
  const core = randomBytes(3 * 512 - 100);
  const placed = coreImage(core, 2048);
  expect(holdsCore(placed, core, 2048)).toBe(true);
  const installed = Buffer.concat([placed, randomBytes(512)]);
  randomBytes(100).copy(installed, core.length);
  installed.writeUInt16LE(3, BLOCKLIST + 8);
  installed.writeUInt32LE(612, 512 + 0x10);
  expect(holdsCore(installed, core, 2048)).toBe(true);
  expect(holdsCore(placed, core, 2049)).toBe(false);
  installed.writeUInt8(installed.readUInt8(1000) ^ 1, 1000);
  expect(holdsCore(installed, core, 2048)).toBe(false);
  placed.writeUInt16LE(1, BLOCKLIST + 8);
  expect(holdsCore(placed, core, 2048)).toBe(false);
});

it.runIf(existsSync('/usr/lib/grub/i386-pc/boot.img'))(
  "GRUB's own boot.img has at these places what is to be replaced",
  async () => {
    const image = await readFile('/usr/lib/grub/i386-pc/boot.img');
    expect(image.readBigUInt64LE(KERNEL_SECTOR)).toBe(1n);
    expect(image[DRIVE_CHECK]).toBe(0xeb);
  },
);
