import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveElements } from '../../src/build/elements.ts';
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

  it.each([
    [
      'three',
      { 'a/element-deps': 'b', 'b/element-deps': 'z c', 'c/element-deps': 'a', 'z/README': '' },
      'a -> b -> c -> a',
    ],
    ['one alone', { 'a/element-deps': 'b', 'b/element-deps': 'b' }, 'b -> b'],
    [
      'two further on',
      { 'a/element-deps': 'c', 'c/element-deps': 'b', 'b/element-deps': 'c' },
      'c -> b -> c',
    ],
  ])('tells a circle of %s by its way', (_what, files, way) =>
    inTemporary(async folder => {
      await writeTree(folder, files);
      const error = await resolveElements(['a'], [folder]).catch(each => each);
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.line).toBe(
        `elements need each other in a circle: ${way}: take one of these names out of an element-deps`,
      );
    }),
  );

  it('takes no circle for one that an element which provides the name has broken', () =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'a/element-deps': 'net',
        'dhcp/element-provides': 'net',
        'dhcp/element-deps': 'a',
        'net/element-deps': 'a',
      });
      expect(await namesOf(['a', 'dhcp'], [folder])).toEqual(['a', 'dhcp']);
    }));

  it('finds a circle exactly where no order puts what is needed before who needs it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(5), { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
        needs =>
          inTemporary(async folder => {
            const known = needs.map(list => list.filter(each => each < needs.length));
            await writeTree(
              folder,
              Object.fromEntries(
                known.map((list, index) => [`e${index}/element-deps`, list.map(n => `e${n}`).join(' ')]),
              ),
            );
            const ordered = new Set<number>();
            for (const _ of known) {
              for (const [index, list] of known.entries())
                if (list.every(each => ordered.has(each))) ordered.add(index);
            }
            const outcome = resolveElements(
              known.map((_, index) => `e${index}`),
              [folder],
            );
            if (ordered.size === known.length) expect(await outcome).toHaveLength(known.length);
            else await expect(outcome).rejects.toThrow(/in a circle: (e\d) (-> e\d )*-> \1$/);
          }),
      ),
      { numRuns: 60 },
    ));

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
