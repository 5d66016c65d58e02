import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckError, DefinitionError } from '../../../src/host/errors.ts';
import { openDisk } from '../../../src/image/read/disk.ts';
import { inTemporary } from './tree.ts';

test('gives the bytes that are there, wherever the pieces meet', () =>
  inTemporary(async directory => {
    const bytes = randomBytes(700_000);
    await writeFile(join(directory, 'disk'), bytes);
    const disk = await openDisk(join(directory, 'disk'));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(300_000), async (offset, length) => {
        const fits = Math.min(length, bytes.length - offset);
        expect((await disk.read(offset, fits)).equals(bytes.subarray(offset, offset + fits))).toBe(true);
      }),
    );
    await disk.close();
  }));

test('refuses every read that no honest structure asks for', () =>
  inTemporary(async directory => {
    await writeFile(join(directory, 'disk'), 'short');
    const disk = await openDisk(join(directory, 'disk'));
    for (const [offset, length] of [
      [0, 6],
      [5, 1],
      [-1, 2],
      [0, -1],
      [Number.NaN, 1],
      [0, 1.5],
      [2 ** 60, 1],
    ] as const) {
      await expect(disk.read(offset, length)).rejects.toThrow(CheckError);
    }
    await disk.close();
  }));

test('wants a regular file', () =>
  inTemporary(async directory => {
    for (const path of [directory, join(directory, 'none'), '/dev/null']) {
      await expect(openDisk(path)).rejects.toThrow(DefinitionError);
    }
  }));
