import { chmod, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestFolder, resolveElements } from '../../src/build/elements.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { inTemporary } from '../host/support.ts';
import { writeTree } from './support.ts';

const namesOf = async (names: readonly string[], paths: readonly string[]) =>
  (await resolveElements(names, paths)).map(each => each.name);

describe('resolveElements', () => {
  it('brings all that is needed, once, sorted by name', () =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'web/element-deps': 'tls  # for https\n\nbase\n',
        'tls/element-deps': 'base',
        'base/README': '',
      });
      expect(await namesOf(['web', 'web'], [folder])).toEqual(['base', 'tls', 'web']);
    }));

  it('takes the first folder that has a name', () =>
    inTemporary(async folder => {
      await writeTree(folder, { 'own/base/a': '1', 'builtin/base/b': '2', 'builtin/more/c': '3' });
      const paths = [join(folder, 'own'), join(folder, 'builtin')];
      const elements = await resolveElements(['base', 'more'], paths);
      expect(elements.map(each => each.path)).toEqual([
        join(folder, 'own/base'),
        join(folder, 'builtin/more'),
      ]);
    }));

  it('leaves out what another one provides', () =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'image/element-deps': 'dhcp network',
        'dhcp/README': '',
        'network/element-provides': 'dhcp',
      });
      expect(await namesOf(['image'], [folder])).toEqual(['image', 'network']);
    }));

  it('does not need a folder for a name that another element provides', () =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'image/element-deps': 'operating-system distribution',
        'distribution/element-provides': 'operating-system',
      });
      expect(await namesOf(['image'], [folder])).toEqual(['distribution', 'image']);
    }));

  it.each([
    ['two that provide the same', ['one', 'two'], 'the elements one and two both provide network'],
    ['one that another provides', ['one', 'network'], 'the elements one and network both provide network'],
    ['what an element brings in', ['image', 'one'], 'the elements one and two both provide network'],
  ])('refuses %s, by their names', (_what, names, message) =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'one/element-provides': 'network',
        'two/element-provides': '# comment\nnetwork dns',
        'network/README': '',
        'image/element-deps': 'two',
      });
      const error = await resolveElements(names, [folder]).catch(each => each);
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.line).toBe(`${message}: leave one of them out`);
    }),
  );

  it('needs no folder of diskimage-builder for what the engine does itself, and takes one that is there', () =>
    inTemporary(async folder => {
      const needs = 'package-installs\npkg-map\nsvc-map\ninstall-static\ndpkg\ndib-python\ndib-run-parts\n';
      await writeTree(folder, { 'site/element-deps': needs });
      expect(await namesOf(['site'], [folder])).toEqual(['site']);
      await writeTree(folder, { 'pkg-map/README.md': '' });
      expect(await namesOf(['site'], [folder])).toEqual(['pkg-map', 'site']);
    }));

  it('ends when elements need each other in a circle', () =>
    inTemporary(async folder => {
      await writeTree(folder, { 'a/element-deps': 'b', 'b/element-deps': 'c', 'c/element-deps': 'a c' });
      expect(await namesOf(['a'], [folder])).toEqual(['a', 'b', 'c']);
    }));

  it.each([
    ['a slip', 'dhcp-all-interface', 'did you mean dhcp-all-interfaces?'],
    ['something else', 'kubernetes', 'add it, or remove its name'],
  ])('says who names an unknown element, and for %s what helps', (_what, name, advice) =>
    inTemporary(async folder => {
      await writeTree(folder, { 'dhcp-all-interfaces/README': '', 'site/element-deps': name });
      const error = await resolveElements(['site'], [folder]).catch(each => each);
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toBe(`element site names the element ${name}, which is in none of ${folder}`);
      expect(error.advice).toBe(advice);
    }),
  );

  it.each(['..', '../outside', 'a/b', '.', '/etc', ''])('does not take %j for an element', name =>
    inTemporary(async folder => {
      await mkdir(join(folder, 'paths/a/b'), { recursive: true });
      await mkdir(join(folder, 'outside'));
      await expect(resolveElements([name], [join(folder, 'paths')])).rejects.toThrow(DefinitionError);
    }),
  );

  it('does not take a file for an element', () =>
    inTemporary(async folder => {
      await writeTree(folder, { 'first/site': 'a file', 'second/site/README': '' });
      await expect(resolveElements(['site'], [join(folder, 'first')])).rejects.toThrow(DefinitionError);
      const paths = [join(folder, 'first'), join(folder, 'second')];
      expect((await resolveElements(['site'], paths))[0]?.path).toBe(join(folder, 'second/site'));
    }));
});

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
