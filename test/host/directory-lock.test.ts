import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockDirectory } from '../../src/host/directory-lock.ts';
import { inTemporary } from './support.ts';

it('has one holder at a time, and the next when he lets go', () =>
  inTemporary(async folder => {
    const first = await lockDirectory(folder);
    expect(typeof first).toBe('object');
    expect(await lockDirectory(folder)).toBe('held');
    const waiting = lockDirectory(folder, true);
    if (typeof first === 'object') await first.release();
    const second = await waiting;
    expect(await lockDirectory(folder)).toBe('held');
    if (typeof second === 'object') await second.release();
    expect(typeof (await lockDirectory(folder))).toBe('object');
  }));

it('holds no directory that its last holder removed, nor another one under its name', () =>
  inTemporary(async folder => {
    const path = join(folder, 'work');
    expect(await lockDirectory(path)).toBe('gone');
    for (const after of [() => rm(path, { recursive: true }), () => replaced(path)]) {
      await mkdir(path, { recursive: true });
      const first = await lockDirectory(path);
      const waiting = lockDirectory(path, true);
      await new Promise(resolve => setTimeout(resolve, 100));
      await after();
      if (typeof first === 'object') await first.release();
      expect(await waiting).toBe('gone');
    }
  }));

it('follows no link', () =>
  inTemporary(async folder => {
    await symlink('/tmp', join(folder, 'link'));
    expect(await lockDirectory(join(folder, 'link'))).toBe('unknown');
  }));

async function replaced(path: string): Promise<void> {
  await rename(path, `${path}.old`);
  await mkdir(path);
}
