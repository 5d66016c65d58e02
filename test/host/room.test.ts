import { statfs, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CancelledError, ElementError, HostError } from '../../src/host/errors.ts';
import { ToolError } from '../../src/host/process.ts';
import { availableMemory, explainFullDisk, isDiskFull, requireRoom } from '../../src/host/room.ts';
import { inTemporary, recordingContext } from './support.ts';

it('says what is needed and what there is, and refuses when it is too little', () =>
  inTemporary(async directory => {
    const { context, said } = recordingContext();
    const folder = join(directory, 'not/there/yet');
    await requireRoom(context, 'a build', [{ directory: folder, bytes: 2 ** 20, what: 'the bundle' }]);
    expect(said).toEqual([
      expect.stringMatching(
        new RegExp(
          `^info: a build needs 0\\.0 GiB in ${folder} \\(the bundle\\), where \\d+\\.\\d GiB are free$`,
        ),
      ),
    ]);
    const asked = requireRoom(context, 'a build', [{ directory, bytes: 2 ** 60, what: 'the bundle' }]);
    await expect(asked).rejects.toThrow(HostError);
    await expect(asked).rejects.toThrow(
      new RegExp(
        `^a build needs 1073741824\\.0 GiB in ${directory} \\(the bundle\\), where only \\d+\\.\\d GiB are free$`,
      ),
    );
  }));

it('adds up what goes to one file system, and keeps file systems apart', () =>
  inTemporary(async directory => {
    const { context, said } = recordingContext();
    const { bavail, bsize } = await statfs(directory);
    const half = Math.ceil((bavail * bsize) / 2) + 2 ** 24;
    const need = (at: string, what: string) => ({ directory: at, bytes: half, what });
    await requireRoom(context, 'it', [need(directory, 'one')]);
    const both = [need(directory, 'one'), need(join(directory, 'sub'), 'two')];
    await expect(requireRoom(context, 'it', both)).rejects.toThrow(/\(one, two\)/);
    // A file system that never has a free block.
    const apart = [need(directory, 'one'), { directory: '/proc', bytes: 1, what: 'three' }];
    await expect(requireRoom(context, 'it', apart)).rejects.toThrow(
      /^it needs 0\.0 GiB in \/proc \(three\), where only 0\.0 GiB are free$/,
    );
    said.length = 0;
    await requireRoom(context, 'it', [{ directory: '/proc', bytes: 0, what: 'nothing' }]);
    expect(said).toEqual([]);
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
    const need = (at: string, bytes = 0, what = 'the bundle') => ({ directory: at, bytes, what });
    for (const error of [new ToolError(['cp'], said, 'ended with status 1'), kernel, script]) {
      const told = await explainFullDisk(error, [need(directory)]);
      expect(told).toBeInstanceOf(HostError);
      expect((told as HostError).line).toMatch(/^the disk is full: free some room/);
      expect((told as HostError).cause).toBe(error);
    }
    // A file system that never has a free block.
    expect(await explainFullDisk(kernel, [need(directory), need('/proc')])).toMatchObject({
      message: 'the disk is full in /proc',
    });
    expect(await explainFullDisk(kernel, [need('/proc'), need('/proc/1', 2 ** 30)])).toMatchObject({
      message: 'the disk is full in /proc/1, where 1.0 GiB are needed (the bundle)',
    });
    // What filled it may have gone with the tool that failed.
    const gone = [need(directory, 2 ** 60), need(directory, 2 ** 60, 'layers')];
    expect(await explainFullDisk(kernel, gone)).toMatchObject({
      message: `the disk is full in ${directory}, where 2147483648.0 GiB are needed (the bundle, layers)`,
    });
    const silent = new ToolError(['sfdisk'], { status: 1, stdout: '', stderr: '' }, 'ended with status 1');
    expect(await explainFullDisk(silent, [need('/proc')])).toBeInstanceOf(HostError);
    expect(await explainFullDisk(silent, [need(directory)])).toBe(silent);
    // What could not be written names a file, and not what is needed.
    const unwritten = new HostError('cannot write x (ENOSPC)', { cause: kernel });
    const told = await explainFullDisk(unwritten, gone);
    expect(told).toMatchObject({ message: expect.stringContaining('GiB are needed'), cause: unwritten });
    for (const error of [
      told,
      new HostError('no room'),
      new Error('other'),
      new CancelledError('No space left on device'),
      undefined,
    ])
      expect(await explainFullDisk(error)).toBe(error);
  }));
