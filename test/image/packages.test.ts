import fc from 'fast-check';
import { expect, test } from 'vitest';
import { run } from '../../src/host/process.ts';
import { packageList, parseDpkgStatus, type SbomSubject, spdx } from '../../src/image/packages.ts';

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u13
Conffiles:
 /etc/ld.so.conf.d/x86_64-linux-gnu.conf d4e7a7b88a71b5ffd9e2644e71a0cfab
Description: GNU C Library: Shared libraries
 Version: this line is part of a text

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-9+deb12u13
Source: glibc

Package: bsdutils
Status: hold ok installed
Architecture: amd64
Source: util-linux (2.38.1-5+deb12u3)
Version: 1:2.38.1-5+deb12u3

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: broken
Status: install reinstreq half-installed
Architecture: amd64
Version: 1
`;

const SUBJECT: SbomSubject = {
  image: 'debian-12',
  version: '20261121.1',
  distribution: 'debian',
  release: '12',
  inputDigest: 'a'.repeat(64),
  epoch: 1_795_000_000,
};

test('only what is installed is listed, by name and architecture', () => {
  expect(packageList(parseDpkgStatus(STATUS))).toBe(
    'bsdutils 1:2.38.1-5+deb12u3 amd64\nlibc6 2.36-9+deb12u13 amd64\nlibc6 2.36-9+deb12u13 i386\n',
  );
  expect(parseDpkgStatus(STATUS)[0]?.source).toBe('util-linux 2.38.1-5+deb12u3');
  expect(parseDpkgStatus(STATUS)[1]?.source).toBe('glibc 2.36-9+deb12u13');
  expect(parseDpkgStatus('')).toEqual([]);
});

test("agrees with dpkg-query on this host's packages", async context => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = '${db:Status-Status} ${Package} ${Version} ${Architecture}\\n';
  const judge = await run(['dpkg-query', '-W', '-f', format]).catch(() => context.skip('no dpkg here'));
  const { stdout } = await run(['cat', '/var/lib/dpkg/status']).catch(() => context.skip('no dpkg here'));
  const rows = judge.stdout.split('\n').filter(row => row.startsWith('installed '));
  const told = packageList(parseDpkgStatus(stdout)).trim().split('\n');
  expect(told.sort()).toEqual(rows.map(row => row.slice('installed '.length)).sort());
});

test('no text makes the parser fail', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      parseDpkgStatus(`Package: x\nStatus: install ok installed\n${text}\n\n${text}`);
    }),
  ));

test('the SBOM is SPDX 2.3 and finds packages by their URL', () => {
  const document = JSON.parse(spdx(parseDpkgStatus(STATUS), SUBJECT));
  expect(document).toMatchObject({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
  });
  expect(document.creationInfo.created).toBe('2026-11-18T11:06:40Z');
  expect(document.documentNamespace).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  const urls = document.packages.map(
    (each: { externalRefs: { referenceLocator: string }[] }) => each.externalRefs[0]?.referenceLocator,
  );
  expect(urls).toEqual([
    'pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u3?arch=amd64&distro=debian-12',
    'pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12',
    'pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=i386&distro=debian-12',
  ]);
  const ids: string[] = document.packages.map((each: { SPDXID: string }) => each.SPDXID);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
  expect(
    document.relationships.map((each: { relatedSpdxElement: string }) => each.relatedSpdxElement),
  ).toEqual(ids);
});

test('the SBOM is the same each time, and another for another build', () => {
  const packages = parseDpkgStatus(STATUS);
  expect(spdx(packages, SUBJECT)).toBe(spdx(packages, SUBJECT));
  const namespace = (subject: SbomSubject) => JSON.parse(spdx(packages, subject)).documentNamespace;
  expect(namespace({ ...SUBJECT, version: '20261121.2' })).not.toBe(namespace(SUBJECT));
  expect(namespace({ ...SUBJECT, inputDigest: 'b'.repeat(64) })).not.toBe(namespace(SUBJECT));
});
