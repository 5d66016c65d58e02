import { describe, expect, it } from 'vitest';
import { differentPlace, parseFields, withLaterVersions } from '../../../src/build/layers/dpkg-status.ts';

const control = (version: string, more = '') =>
  parseFields(`Package: tool
Version: ${version}
Architecture: amd64
Maintainer: A <a@b.example>
Installed-Size: 12${version}
Depends: libc6 (>= 2.36), libtool (= ${version})
${more}Description: a tool
 of version ${version}
`);

const STATUS = `Package: other
Status: install ok installed
Version: 9

Package: tool
Status: install ok installed
Installed-Size: 121
Maintainer: A <a@b.example>
Architecture: amd64
Version: 1
Depends: libc6 (>= 2.36), libtool (= 1)
Conffiles:
 /etc/tool 0123456789abcdef0123456789abcdef
Description: a tool
 of version 1

Package: zoo
Status: install ok installed
Version: 3
`;

const update = (status: string, before = control('1'), now = control('2')) =>
  withLaterVersions(status, new Map([['tool', { before, now }]]));

describe("dpkg's status with a later version", () => {
  it('differs by the fields of that package alone, in the order that dpkg gave them', () => {
    expect(update(STATUS)).toBe(
      STATUS.replace('Installed-Size: 121', 'Installed-Size: 122')
        .replace('Version: 1\nDepends', 'Version: 2\nDepends')
        .replace('libtool (= 1)', 'libtool (= 2)')
        .replace('of version 1', 'of version 2'),
    );
  });

  it('is the same for the same version', () => {
    expect(update(STATUS, control('1'), control('1'))).toBe(STATUS);
  });

  it.each([
    ['has a field otherwise than the package', STATUS.replace('libc6 (>= 2.36)', 'libc6 (>=2.36)')],
    [
      'has a field that the package has not',
      STATUS.replace('Architecture: amd64', 'Architecture: amd64\nBugs: x'),
    ],
    [
      'has not configured it',
      STATUS.replace('install ok installed\nInstalled', 'install ok unpacked\nInstalled'),
    ],
    ['does not know it', STATUS.replace('Package: tool', 'Package: fool')],
  ])('is not told where dpkg %s', (_what, status) => {
    expect(update(status)).toBeUndefined();
  });
});

it.each([
  ['nothing', control('2'), undefined],
  ['a relation', control('2', 'Recommends: less\n'), 'Recommends'],
  ['a field', control('2', 'Homepage: https://tool.example\n'), 'Homepage'],
])('tells that %s decides the order of packages otherwise', (_what, now, field) => {
  expect(differentPlace(control('1'), now)).toBe(field);
});

it('tells a relation to another package, and a package of another kind', () => {
  const changed = (name: string, value: string) => new Map([...control('2'), [name, value]]);
  expect(differentPlace(control('1'), changed('Depends', 'libc6, libtool3 (= 2)'))).toBe('Depends');
  expect(differentPlace(control('1'), changed('Architecture', 'all'))).toBe('Architecture');
});
