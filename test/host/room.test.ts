import { writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { expect, it } from 'vitest';
import { CancelledError, ElementError, HostError } from '../../src/host/errors.ts';
import { ToolError } from '../../src/host/process.ts';
import { availableMemory, explainFullDisk, isDiskFull, requireRoom } from '../../src/host/room.ts';
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

it('tells a full disk from whatever a tool, a script or the kernel said of it, and names it', () =>
  inTemporary(async directory => {
    const said = { status: 1, stdout: '', stderr: 'cp: error writing: No space left on device\nand so on' };
    const kernel = await writeFile('/dev/full', 'x').catch(error => error);
    const script = new ElementError('element x failed', { cause: new Error('its last lines:\nENOSPC') });
    for (const error of [new ToolError(['cp'], said, 'ended with status 1'), kernel, script]) {
      const told = await explainFullDisk(error, [directory]);
      expect(told).toBeInstanceOf(HostError);
      expect((told as HostError).line).toMatch(/^the disk is full: free some room/);
      expect((told as HostError).cause).toBe(error);
    }
    // A file system that never has a free block.
    expect(await explainFullDisk(kernel, [directory, '/proc'])).toMatchObject({
      message: 'the disk is full in /proc',
    });
    for (const error of [new Error('other'), new CancelledError('No space left on device'), undefined])
      expect(await explainFullDisk(error)).toBe(error);
  }));
