import { describe, expect, it } from 'vitest';
import {
  type Entries,
  type Entry,
  firstChanged,
  givenRights,
  parseEntries,
  type Unpacked,
  whyNotInPlace,
} from '../../../src/build/layers/package-contents.ts';
import { firstUnowned } from '../../../src/build/layers/package-dates.ts';
import { filesRead, withoutMereLibraries } from '../../../src/build/layers/package-trace.ts';

const file = (digest: string, more: Partial<Entry> = {}): Entry => ({
  ...{ kind: 'f', told: '755 0 0 1 ', time: '100.5', isEmpty: false, digest },
  ...more,
});
const folder: Entry = { kind: 'd', told: '755 0 0 ', time: '100', isEmpty: false };
const entries = (all: Record<string, Entry>): Entries => new Map(Object.entries(all));

const before: Unpacked = {
  fields: '',
  control: entries({ control: file('c1'), md5sums: file('m1'), postinst: file('p') }),
  data: entries({
    bin: folder,
    'bin/tool': file('t1'),
    'usr/lib/tool.py': file('y'),
    'usr/share/a': file('a'),
  }),
};

/** The later version, with other entries; `undefined` takes one away. */
function later(
  control: Record<string, Entry | undefined>,
  data: Record<string, Entry | undefined> = {},
): Unpacked {
  const merge = (old: Entries, more: Record<string, Entry | undefined>) =>
    new Map(
      Object.entries({ ...Object.fromEntries(old), ...more }).filter(([, each]) => each !== undefined),
    ) as Entries;
  return { fields: '', control: merge(before.control, control), data: merge(before.data, data) };
}

const why = (now: Unpacked, ...read: string[]) => whyNotInPlace(before, now, new Set(read));

describe('a later version of a package', () => {
  it('takes the place of the earlier one where only what nobody read has changed', () => {
    const now = later({ control: file('c2'), md5sums: file('m2') }, { 'bin/tool': file('t2') });
    expect(why(now, 'usr/share/a', 'usr/bin/other')).toBeUndefined();
  });

  it.each<[string, Unpacked, string[], string]>([
    ['a script', later({ postinst: file('p2') }), [], 'its postinst is another'],
    ['a new script', later({ preinst: file('p') }), [], 'its preinst is another'],
    ['a script that is gone', later({ postinst: undefined }), [], 'its postinst is another'],
    ['a new file', later({}, { 'etc/new': file('n') }), [], '/etc/new comes, goes or has other rights'],
    ['a file that is gone', later({}, { 'bin/tool': undefined }), [], '/bin/tool comes, goes'],
    [
      'other rights',
      later({}, { 'bin/tool': file('t1', { told: '4755 0 0 1 ' }) }),
      [],
      '/bin/tool comes, goes',
    ],
    ['an emptied file', later({}, { 'bin/tool': file('e', { isEmpty: true }) }), [], '/bin/tool comes, goes'],
    [
      'a program that was run',
      later({}, { 'bin/tool': file('t2') }),
      ['usr/bin/tool'],
      '/usr/bin/tool was read',
    ],
    ['a module that was compiled', later({}), ['usr/lib/tool.py'], '/usr/lib/tool.py was compiled'],
  ])('does not with %s', (_what, now, read, reason) => {
    expect(why(now, ...read)).toContain(reason);
  });
});

describe('a package in a tree', () => {
  const tree = entries({
    ...{ 'usr/bin': folder, 'usr/bin/tool': file('t1', { time: '100' }) },
    ...{ 'usr/lib/tool.py': file('y'), 'usr/share/a': file('a'), bin: { ...folder, kind: 'l' } },
  });

  it('stands as it came, where /bin is a link', () => {
    expect(firstChanged(before.data, tree)).toBeUndefined();
  });

  it.each<[string, Entry | undefined]>([
    ['content', file('t2')],
    ['number of names', file('t1', { told: '755 0 0 2 ' })],
    ['time', file('t1', { time: '101.5' })],
    ['place', undefined],
  ])('does not with another %s', (_what, entry) => {
    const other = new Map(tree);
    if (entry === undefined) other.delete('usr/bin/tool');
    else other.set('usr/bin/tool', entry);
    expect(firstChanged(before.data, other)).toBe('bin/tool');
  });

  it('has the rights that scripts gave it', () => {
    const given = new Map(tree).set('usr/bin/tool', file('t1', { time: '100', told: '4755 0 42 1 ' }));
    expect(firstChanged(before.data, given)).toBeUndefined();
    expect(givenRights(before.data, given)).toEqual([{ path: 'usr/bin/tool', mode: '4755', owner: '0:42' }]);
    expect(givenRights(before.data, tree)).toEqual([]);
  });
});

it('reads entries with any names, and their digests', () => {
  const digest = 'd'.repeat(64);
  const found = parseEntries(
    `f\t644 0 0 1 \t5.25\t3\t./a\n\tb\0d\t755 0 0 7 \t6\t40\tetc\0l\t777 0 0 1 a b\t7\t3\tlink\0\0${digest}  ./a\n\tb\0`,
  );
  expect(Object.fromEntries(found)).toEqual({
    'a\n\tb': { kind: 'f', told: '644 0 0 1 ', time: '5.25', isEmpty: false, digest },
    etc: { kind: 'd', told: '755 0 0 ', time: '6', isEmpty: false },
    link: { kind: 'l', told: '777 0 0 1 a b', time: '7', isEmpty: false },
  });
});

it('tells what was read after it was unpacked', () => {
  expect(filesRead('5.0 5.3 usr/a\x006.5 5.3 usr/b c\n\x005.3 5.3 usr/d\0')).toEqual(['usr/b c\n', 'usr/d']);
});

it('tells libraries that were used from those that only ldconfig has read', () => {
  const own = 'usr/lib/x86_64-linux-gnu';
  const read = [
    'usr/bin/perl',
    'etc/a',
    `${own}/liba.so.1.2`,
    `${own}/libb.so.3`,
    `${own}/libc.so.6`,
    'usr/lib/libd.so',
  ];
  const plugin = `${own}/perl/libe.so`;
  const lists = ['etc/ld.so.cache', 'var/lib/dpkg/info/libb3.list'];
  const nss = `${own}/libnss_files.so.2`;
  const named = [
    ...['usr/bin/perl\0liba.so.1', `${own}/liba.so.1.2\0libc.so.6`, `${own}/libb.so.3\0libd.so`],
    ...[...lists.map(path => `${path}\0libb.so.3`), '\0'],
    ...['liba.so.1\tliba.so.1.2', 'libx.so\tlibd.so', ''],
  ].join('\n');
  const used = ['usr/bin/perl', 'etc/a', `${own}/liba.so.1.2`, `${own}/libc.so.6`, plugin, nss];
  expect(withoutMereLibraries([...read, plugin, nss, ...lists], named)).toEqual([...used, ...lists]);
});

it.each([
  ['usr/bin/tool\nvar/lib/dpkg/info/tool.md5sums\n', undefined],
  ['usr/bin/tool\netc/profile\n', 'etc/profile'],
  ['', undefined],
])('tells a file that no package brought', (dated, unowned) => {
  expect(firstUnowned(`${dated}\n/.\n/bin\n/bin/tool\n`)).toBe(unowned);
});
