import { chmod, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestFolder } from '../../src/build/element-files.ts';
import { inTemporary } from '../host/support.ts';
import { writeTree } from './support.ts';

describe('digestFolder', () => {
  it('counts what a link brings in from elsewhere, and not that it is elsewhere', () =>
    inTemporary(async place => {
      await writeTree(place, { 'shared/common': 'one', 'site/install.d/10-x': 'x' });
      const folder = join(place, 'site');
      await symlink('../../shared/common', join(folder, 'install.d/50-common'));
      await symlink('10-x', join(folder, 'install.d/60-within'));
      await symlink('nowhere', join(folder, 'install.d/70-dangling'));
      await mkdir(join(folder, 'static'));
      await symlink(join(place, 'shared'), join(folder, 'static/in-the-image'));
      const before = await digestFolder(folder);
      expect(await digestFolder(folder)).toBe(before);
      await writeTree(place, { 'shared/common': 'two' });
      expect(await digestFolder(folder)).not.toBe(before);
      await writeTree(place, { 'shared/common': 'one', 'shared/more': 'three' });
      expect(await digestFolder(folder)).toBe(before);
    }));

  /** The digests before and after a change. */
  const around = (change: (folder: string) => Promise<unknown>) =>
    inTemporary(async folder => {
      await writeTree(folder, { 'install.d/50-a': ['echo a', 0o755], 'static/etc/key': ['k', 0o644] });
      await mkdir(join(folder, 'static/var/empty'), { recursive: true });
      await symlink('key', join(folder, 'static/etc/link'));
      const before = await digestFolder(folder);
      await change(folder);
      return [before, await digestFolder(folder)];
    });

  it.each<[string, (folder: string) => Promise<unknown>]>([
    ['content', folder => writeFile(join(folder, 'install.d/50-a'), 'echo b')],
    ['a name', folder => rename(join(folder, 'install.d/50-a'), join(folder, 'install.d/51-a'))],
    ['the executable bit', folder => chmod(join(folder, 'install.d/50-a'), 0o644)],
    ['who may read it', folder => chmod(join(folder, 'static/etc/key'), 0o600)],
    ['who may enter a folder', folder => chmod(join(folder, 'static/var/empty'), 0o700)],
    ['an empty folder', folder => mkdir(join(folder, 'static/var/more'))],
    ['a new file', folder => writeFile(join(folder, 'static/etc/new'), '')],
    [
      'where a link leads',
      folder =>
        symlink('other', join(folder, 'x')).then(() =>
          rename(join(folder, 'x'), join(folder, 'static/etc/link')),
        ),
    ],
  ])('changes with %s', async (_what, change) => {
    const [before, after] = await around(change);
    expect(after).not.toBe(before);
  });

  it.each<[string, (folder: string) => Promise<unknown>]>([
    ['times', folder => utimes(join(folder, 'install.d/50-a'), 1, 1)],
    // A checkout under another umask; the build takes the group's right to write away as well.
    ['a group that may write', folder => chmod(join(folder, 'static/etc/key'), 0o664)],
  ])('does not change with %s', async (_what, change) => {
    const [before, after] = await around(change);
    expect(after).toBe(before);
  });

  it('tells any two trees of files apart', () => {
    const tree = fc.dictionary(fc.stringMatching(/^[a-c]{1,2}$/), fc.string({ maxLength: 3 }), {
      maxKeys: 3,
    });
    const digest = (files: Record<string, string>) =>
      inTemporary(async folder => {
        await writeTree(folder, files);
        return digestFolder(folder);
      });
    const same = (a: Record<string, string>, b: Record<string, string>) =>
      JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
    return fc.assert(
      fc.asyncProperty(tree, tree, async (a, b) => {
        expect((await digest(a)) === (await digest(b))).toBe(same(a, b));
      }),
      { numRuns: 50 },
    );
  });
});
