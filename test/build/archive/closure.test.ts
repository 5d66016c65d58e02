import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PackageIndex, resolveClosure } from '../../../src/build/archive/closure.ts';
import { parsePackages, parseRelations } from '../../../src/build/archive/packages.ts';
import { type Paragraph, packagesFile } from './mirror.ts';

const index = (...suites: Paragraph[][]) =>
  new PackageIndex(suites.map(suite => [...parsePackages(packagesFile(suite))]));
const names = (from: PackageIndex, ...asked: string[]) => Object.keys(resolveClosure(from, asked).packages);
const a = (Package: string, fields: Paragraph = {}): Paragraph => ({ Package, Version: '1', ...fields });

describe('resolveClosure', () => {
  it('follows dependencies, before and after unpacking, and stops in a circle', () =>
    expect(
      names(index([a('x', { 'Pre-Depends': 'y' }), a('y', { Depends: 'z, x' }), a('z'), a('other')]), 'x'),
    ).toEqual(['x', 'y', 'z']));

  it.each<Paragraph>([{ Essential: 'yes' }, { Protected: 'yes' }, { Priority: 'required' }])(
    'has with %o what nobody asked for',
    fields => expect(names(index([a('base', fields), a('x')]), 'x')).toEqual(['base', 'x']),
  );

  it('takes the first alternative that can be had, and none where one is there', () => {
    const from = index([a('x', { Depends: 'gone | first | second' }), a('first'), a('second'), a('third')]);
    expect(names(from, 'x')).toEqual(['first', 'x']);
    expect(names(from, 'x', 'second')).toEqual(['second', 'x']);
  });

  it('adds up what the packages weigh, packed and installed, each once', () => {
    const weight = (packed: number, kibibytes: number) => ({
      Size: `${packed}`,
      'Installed-Size': `${kibibytes}`,
    });
    const from = index([
      a('x', { Depends: 'y, z', ...weight(100, 2) }),
      a('y', { Depends: 'z', ...weight(10, 3) }),
      a('z', weight(1, 0)),
      a('other', weight(1000, 1000)),
    ]);
    expect(resolveClosure(from, ['x', 'z'])).toMatchObject({ download: 111, installed: 5 * 1024 });
    expect(resolveClosure(index([a('bare')]), ['bare'])).toMatchObject({ download: 0, installed: 0 });
  });

  it('takes a pinned version where a suite offers it, older or newer, and else the newest', () => {
    const of = (...versions: string[]) => versions.map(Version => a('x', { Version }));
    const suites = [of('1'), of('3'), of('2')].map(suite => [...parsePackages(packagesFile(suite))]);
    const taken = (pin?: string) => {
      const from = new PackageIndex(suites, pin === undefined ? {} : { x: pin });
      return [from.candidate('x')?.version, from.suiteOf('x')];
    };
    expect(taken()).toEqual(['3', 1]);
    expect(taken('1')).toEqual(['1', 0]);
    expect(taken('2')).toEqual(['2', 2]);
    expect(taken('gone')).toEqual(['3', 1]);
  });

  it('minds versions: a candidate too old is none', () => {
    const from = index([a('x', { Depends: 'lib (>= 2) | other' }), a('lib'), a('other')]);
    expect(names(from, 'x')).toEqual(['other', 'x']);
  });

  it('takes a provider where no package of the name is there, by name when there are several', () => {
    const from = index([
      a('x', { Depends: 'virtual' }),
      a('b', { Provides: 'virtual' }),
      a('c', { Provides: 'virtual' }),
    ]);
    expect(names(from, 'x')).toEqual(['b', 'x']);
    expect(names(from, 'virtual')).toEqual(['b']);
  });

  it('asks a provider for its version where one is asked for', () => {
    const needs = (Provides: string) =>
      names(index([a('x', { Depends: 'virtual (>= 2) | last' }), a('p', { Provides }), a('last')]), 'x');
    expect(needs('virtual')).toEqual(['last', 'x']);
    expect(needs('virtual (= 2)')).toEqual(['p', 'x']);
    expect(needs('virtual (= 1)')).toEqual(['last', 'x']);
  });

  it('takes the newest version of all suites', () =>
    expect(
      resolveClosure(index([a('x', { Version: '1.9' })], [a('x', { Version: '1.10' })], [a('x')]), ['x'])
        .packages,
    ).toEqual({ x: '1.10' }));

  it('tells names that no suite has', () =>
    expect(resolveClosure(index([a('x')]), ['nothing', 'x']).unknown).toEqual(['nothing']));

  it('gives the same answer in whatever order names are asked for, and more for more of them', () => {
    const all = [...'abcdefgh'];
    const dependencies = fc.dictionary(fc.constantFrom(...all), fc.subarray(all, { maxLength: 3 }));
    fc.assert(
      fc.property(dependencies, fc.shuffledSubarray(all), fc.constantFrom(...all), (graph, asked, more) => {
        const from = index([all.map(name => a(name, { Depends: (graph[name] ?? []).join(', ') }))].flat());
        const closure = names(from, ...asked);
        expect(names(from, ...[...asked].reverse())).toEqual(closure);
        expect(names(from, ...asked, more)).toEqual(expect.arrayContaining(closure));
      }),
    );
  });
});

it('reads relations as control files write them', () => {
  expect(parseRelations('libc6 (>= 2.36), perl:any | perl-base , x (<< 1:2~)')).toEqual([
    [{ name: 'libc6', operator: '>=', version: '2.36' }],
    [{ name: 'perl' }, { name: 'perl-base' }],
    [{ name: 'x', operator: '<<', version: '1:2~' }],
  ]);
  expect(parseRelations('')).toEqual([]);
});

it('reads a field that goes on in further lines, and leaves out a paragraph without a version', () => {
  const text =
    'Package: x\nVersion: 1\nDepends: a,\n b,\n c\nTag: t\n\nPackage: half\n\nPackage: y\nVersion: 2';
  expect([...parsePackages(text)].map(({ name, depends }) => [name, depends])).toEqual([
    ['x', 'a, b, c'],
    ['y', ''],
  ]);
});
