import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseConffiles, parseDiversions, parseMd5sums } from '../../src/image/package-files.ts';

const DIGEST = 'd41d8cd98f00b204e9800998ecf8427e';

test('reads the digests of a package', () => {
  expect(parseMd5sums(`${DIGEST}  usr/bin/a b\n${DIGEST}  bin/c\njunk\n`)).toEqual([
    ['/usr/bin/a b', DIGEST],
    ['/bin/c', DIGEST],
  ]);
});

test('reads diversions by threes', () => {
  const found = parseDiversions('/bin/sh\n/bin/sh.distrib\ndash\n/etc/x\n/etc/y\n:\n');
  expect([...found]).toEqual([
    ['/bin/sh', { to: '/bin/sh.distrib', by: 'dash' }],
    ['/etc/x', { to: '/etc/y', by: ':' }],
  ]);
});

test('reads conffiles of installed packages, and not those given up', () => {
  const status = (state: string) =>
    `Package: a\nStatus: ${state}\nConffiles:\n /etc/a ${DIGEST}\n /etc/old ${DIGEST} obsolete\nDescription: x\n`;
  const own = { path: '/etc/a', md5: DIGEST, package: 'a' };
  expect(parseConffiles(status('install ok installed'))).toEqual([own]);
  expect(parseConffiles(status('deinstall ok config-files'))).toEqual([]);
});

test('agrees with dpkg-query on the conffiles of this host', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const asked = execFileSync('dpkg-query', ['-W', '-f', '${Package}${Conffiles}\n', 'base-files', 'login*'], {
    encoding: 'utf8',
  });
  const listed = [...asked.matchAll(/^ (\/\S+) ([0-9a-f]{32})$/gm)].map(([, path]) => path);
  const status = readFileSync('/var/lib/dpkg/status', 'utf8');
  const ours = parseConffiles(status).map(each => each.path);
  expect(listed.length).toBeGreaterThan(1);
  expect(ours).toEqual(expect.arrayContaining(listed));
});
