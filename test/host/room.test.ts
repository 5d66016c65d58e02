import { totalmem } from 'node:os';
import { expect, it } from 'vitest';
import { HostError } from '../../src/host/errors.ts';
import { availableMemory, isDiskFull, requireRoom } from '../../src/host/room.ts';
import { inTemporary } from './support.ts';

it('is content with room enough, and names what, where and how much without', () =>
  inTemporary(async directory => {
    await requireRoom(directory, 1, 'a build');
    const asked = requireRoom(directory, 2 ** 60, 'a build');
    await expect(asked).rejects.toThrow(HostError);
    await expect(asked).rejects.toThrow(
      new RegExp(`^a build needs 1073741824.0 GiB in ${directory}, where \\d+\\.\\d GiB are free$`),
    );
  }));

it('knows the errors of a full disk from others, as the kernel raises them', async () => {
  const { writeFile } = await import('node:fs/promises');
  const full = await writeFile('/dev/full', 'x').catch(error => error);
  expect(isDiskFull(full)).toBe(true);
  for (const other of [new Error('x'), { code: 'ENOENT' }, undefined, null, 'ENOSPC'])
    expect(isDiskFull(other)).toBe(false);
});

it('tells available memory in bytes', async () => {
  const bytes = await availableMemory();
  expect(bytes).toBeGreaterThan(1 << 20);
  expect(bytes).toBeLessThanOrEqual(totalmem());
});
