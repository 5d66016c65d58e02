import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { mke2fsOptions } from '../../src/image/filesystems.ts';
import { derivedUuid } from '../../src/image/layout.ts';
import { inTemporary } from '../host/support.ts';

const MIB = 1024 * 1024;
const TIB = 1024 ** 4;
const BLOCK = 4096;

/** A root filesystem as a build makes it, on a file of the given size. */
async function made(folder: string, bytes: number): Promise<string> {
  const image = join(folder, 'image');
  const volume = { uuid: derivedUuid('growth'), label: 'root' };
  const options = mke2fsOptions(volume, { bytesPerInode: 16_384, journal: 64 * MIB });
  await run([
    'mke2fs',
    '-q',
    '-F',
    ...options,
    '-E',
    'lazy_itable_init=0,nodiscard',
    image,
    `${bytes / 1024}k`,
  ]);
  return image;
}

async function blocks(image: string): Promise<number> {
  const { stdout } = await run(['dumpe2fs', '-h', image]);
  return Number(/^Block count:\s+(\d+)/m.exec(stdout)?.[1]);
}

/** The kernel lets nobody else resize what is mounted; a container may lack it though its user is root. */
async function mayResize(): Promise<boolean> {
  const CAP_SYS_RESOURCE = 24n;
  const status = await readFile('/proc/self/status', 'utf8');
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

it.runIf(await mayResize())('grows to a hundred times its size while it is mounted', () =>
  inTemporary(async folder => {
    const image = await made(folder, 600 * MIB);
    await truncate(image, 60_000 * MIB);
    const device = (await run(['losetup', '--find', '--show', image])).stdout.trim();
    const point = join(folder, 'point');
    await run(['mkdir', point]);
    try {
      await run(['mount', device, point]);
      try {
        await run(['resize2fs', device]);
      } finally {
        await run(['umount', point]);
      }
    } finally {
      await run(['losetup', '--detach', device]);
    }
    expect(await blocks(image)).toBe((60_000 * MIB) / BLOCK);
    await run(['e2fsck', '-fn', image]);
  }),
);

it('grows to a hundred times its size on a copy', () =>
  inTemporary(async folder => {
    const image = await made(folder, 600 * MIB);
    await truncate(image, 60_000 * MIB);
    await run(['resize2fs', image]);
    expect(await blocks(image)).toBe((60_000 * MIB) / BLOCK);
    await run(['e2fsck', '-fn', image]);
  }));

// The check of so many groups takes more than a minute: npm run test:long.
it.runIf(process.env.IMAGE_FACTORY_LONG !== undefined)(
  'grows to 15 TiB on a sparse copy',
  () =>
    inTemporary(async folder => {
      const image = await made(folder, 600 * MIB);
      await truncate(image, 15 * TIB);
      await run(['resize2fs', image]);
      expect(await blocks(image)).toBe((15 * TIB) / BLOCK);
      await run(['e2fsck', '-fn', image]);
    }),
  600_000,
);
