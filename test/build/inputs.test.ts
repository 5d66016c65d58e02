import { describe, expect, it } from 'vitest';
import type { Element } from '../../src/build/elements.ts';
import { changesBetween, describeChange, inputDigest, inputsOf } from '../../src/build/inputs.ts';
import type { ImageLine } from '../../src/definition/types.ts';
import { LINE } from './support.ts';

type Made = Parameters<typeof inputsOf>[0];

const made = (change: Partial<Made> = {}) =>
  inputsOf({
    engine: 'image-factory/1',
    toolsTree: 't1',
    line: LINE,
    elements: [{ name: 'site', digest: '1'.repeat(64) }],
    packages: { htop: '3.2-1' },
    ...change,
  });

describe('inputDigest', () => {
  const moved: Element = { name: 'site', path: '/b/site', needs: [], provides: [], digest: 'd1' };
  const element: Element = { name: 'site', path: '/a/site', needs: [], provides: [], digest: 'd1' };
  const digest = (line: Partial<ImageLine> = {}, rest: Partial<Made> = {}) =>
    inputDigest(made({ line: { ...LINE, ...line }, elements: [element], ...rest }));

  it.each<[string, string]>([
    ['the name', digest({ name: 'other' })],
    ['the release', digest({ release: '13' })],
    ['the elements asked for', digest({ elements: [] })],
    ['the packages', digest({ packages: ['htop', 'vim'] })],
    ['the environment', digest({ environment: { DIB_A: '2' } })],
    ['the disk', digest({ disk: { ...LINE.disk, reserve: 1 << 20 } })],
    ['the forms', digest({ forms: ['qcow2'] })],
    ['the user', digest({ user: { ...LINE.user, name: 'cloud' } })],
    ['the variant', digest({ variant: 'gpu' })],
    ['the mirror it is left with', digest({ mirror: { image: 'http://other.example/debian' } })],
    ['the content of an element', digest({}, { elements: [{ ...element, digest: 'd2' }] })],
    ['another element', digest({}, { elements: [element, { ...element, name: 'more' }] })],
    ['the version of a package', digest({}, { packages: { htop: '3.3-1' } })],
    ['a package more', digest({}, { packages: { htop: '3.2-1', libnl: '1' } })],
    ['the tools', digest({}, { toolsTree: 't2' })],
    ['the engine', digest({}, { engine: 'image-factory/9' })],
  ])('changes with %s', (_what, other) => expect(other).not.toBe(digest()));

  it.each<[string, string]>([
    ['the checks', digest({ verify: { ...LINE.verify, checks: ['console'], boot: 1 } })],
    ['the owner', digest({ owner: 'another team' })],
    ['the title', digest({ title: 'Another title' })],
    ['the mirror of the build', digest({ mirror: { build: 'http://two.example/debian' } })],
    ['where an element stands', digest({}, { elements: [moved] })],
    [
      'the order in which settings were written',
      digest({ environment: { ...{ DIB_A: '1' } }, disk: reversed() }),
    ],
  ])('does not change with %s', (_what, other) => expect(other).toBe(digest()));

  function reversed(): ImageLine['disk'] {
    return Object.fromEntries(Object.entries(LINE.disk).reverse()) as unknown as ImageLine['disk'];
  }
});

describe('changesBetween', () => {
  const told = (change: Partial<Made>, security: string[] = []) =>
    changesBetween(made(), made(change), name => security.includes(name)).map(describeChange);

  it('finds none between the same inputs', () => expect(told({})).toEqual([]));

  it.each<[string, Partial<Made>, string[]]>([
    ['an updated package', { packages: { htop: '3.3-1' } }, ['htop 3.2-1 -> 3.3-1']],
    ['a new package', { packages: { htop: '3.2-1', vim: '9' } }, ['vim is new: 9']],
    ['a package that is gone', { packages: {} }, ['htop is gone']],
    ['a changed element', { elements: [{ name: 'site', digest: '2'.repeat(64) }] }, ['element site changed']],
    ['another element', { elements: [] }, ['element site is gone']],
    ['a setting', { line: { ...LINE, forms: ['raw'] } }, ['definition forms ["qcow2","raw"] -> ["raw"]']],
    ['the engine', { engine: 'image-factory/2' }, ['engine image-factory/1 -> image-factory/2']],
    ['the tools', { toolsTree: 't2' }, ['engine tools tree t1 -> t2']],
  ])('tells %s', (_what, change, expected) => expect(told(change)).toEqual(expected));

  it('tells a security update from another one', () => {
    const changes = changesBetween(made(), made({ packages: { htop: '3.3-1' } }), () => true);
    expect(changes).toEqual([{ kind: 'security', what: 'htop', before: '3.2-1', now: '3.3-1' }]);
    expect(changes.map(describeChange)).toEqual(['htop (security) 3.2-1 -> 3.3-1']);
  });

  it('calls no package a security update that goes away', () =>
    expect(changesBetween(made(), made({ packages: {} }), () => true)[0]?.kind).toBe('package'));
});
