import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/bundle/types.ts';
import { compareBundles } from '../../src/compare/bundles.ts';
import { createContext } from '../../src/host/context.ts';
import { run } from '../../src/host/process.ts';
import { writeDocuments } from '../../src/image/documents.ts';
import { differenceLines, differenceMarkdown } from '../../src/report/difference.ts';
import { makeDisk } from '../image/made-disk.ts';
import { inTemporary } from '../image/read/tree.ts';
import { manifest as fixture } from '../report/fixture.ts';

const HOSTILE = '</details><script>alert(1)</script> | `x` [a](https://evil.example)';

const paragraph = (name: string, version: string) =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`;

/** A bundle whose image holds these packages and files, on a disk that other tools have made. */
async function bundleOf(
  folder: string,
  version: string,
  {
    packages,
    files,
    form,
  }: { packages: Record<string, string>; files: Record<string, string | Buffer>; form: 'raw' | 'qcow2' },
): Promise<string> {
  const bundle = join(folder, version);
  const [core, tree, raw] = [
    join(bundle, 'core'),
    join(folder, `${version}-tree`),
    join(folder, `${version}.raw`),
  ];
  await mkdir(core, { recursive: true });
  const status = Object.entries(packages)
    .map(([name, each]) => paragraph(name, each))
    .join('\n');
  for (const [path, content] of Object.entries({ 'var/lib/dpkg/status': status, ...files })) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  await makeDisk(tree, raw);
  const subject = {
    image: 'debian-12',
    version,
    distribution: 'debian',
    release: '12',
    inputDigest: 'f',
    epoch: 0,
  };
  await writeDocuments(core, { ...subject, raw, filesystems: [{ partition: 2, mountPoint: '/' }] });
  const path = `disk.${form}`;
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', form, raw, join(core, path)]);
  const manifest: Manifest = {
    ...fixture,
    version,
    diskSize: 12 * 1024 * 1024,
    files: [{ ...(fixture.files[0] as Manifest['files'][number]), path, form }],
    volumes: fixture.volumes.map(each => ({ ...each, partition: 2 })),
  };
  await writeFile(join(core, 'manifest.json'), JSON.stringify(manifest));
  const statement = join(bundle, 'statements/verdict/qemu/run-1');
  await mkdir(statement, { recursive: true });
  await writeFile(join(statement, 'statement.dsse.json'), '{}');
  await writeFile(
    join(statement, 'report.json'),
    JSON.stringify({ bootSeconds: version === '20261120.1' ? 40 : 50 }),
  );
  return bundle;
}

const CHANGELOG = `tool (2) stable; urgency=medium\n\n  * Fix CVE-2026-12345 ${HOSTILE}\n\n -- M <m@x.example>  Mon, 01 Jan 2026 00:00:00 +0000\n\ntool (1) stable; urgency=medium\n\n  * First\n\n -- M <m@x.example>  Mon, 01 Jan 2025 00:00:00 +0000\n`;

describe('two builds', () => {
  const compared = (form: 'raw' | 'qcow2') =>
    inTemporary(async folder => {
      const before = await bundleOf(folder, '20261120.1', {
        packages: { tool: '1', old: '1', same: '1' },
        files: { 'etc/tool.conf': 'one', 'usr/bin/tool': 'a', 'usr/bin/old': 'x' },
        form,
      });
      const now = await bundleOf(folder, '20261121.1', {
        packages: { tool: '2', new: '3', same: '1' },
        files: {
          'etc/tool.conf': 'two',
          'usr/bin/tool': 'a',
          'usr/bin/new': 'y',
          'usr/share/doc/tool/changelog.Debian.gz': gzipSync(CHANGELOG),
        },
        form,
      });
      return compareBundles(createContext(), { before, now, work: folder });
    });

  it.each(['raw', 'qcow2'] as const)(
    'differ in packages, files and boot time, read from a %s',
    async form => {
      const difference = await compared(form);
      expect(difference.packages).toEqual([
        { name: 'new', now: '3', changelog: [] },
        { name: 'old', before: '1', changelog: [] },
        {
          ...{ name: 'tool', before: '1', now: '2' },
          changelog: [{ version: '2', items: [`Fix CVE-2026-12345 ${HOSTILE}`], cves: ['CVE-2026-12345'] }],
        },
      ]);
      expect(difference.cves).toEqual(['CVE-2026-12345']);
      expect(difference.configuration).toEqual([{ path: '/etc/tool.conf', kind: 'changed' }]);
      const kinds = Object.fromEntries(difference.files.map(({ path, kind }) => [path, kind]));
      expect(kinds).toMatchObject({ '/usr/bin/new': 'added', '/usr/bin/old': 'removed' });
      expect(kinds['/usr/bin/tool']).toBeUndefined();
      expect(difference.boot).toEqual([{ place: 'qemu', before: 40, now: 50 }]);
    },
  );

  it('are told for a terminal and for release notes, where no changelog can write markup', async () => {
    const difference = await compared('raw');
    const lines = differenceLines(difference);
    expect(lines).toContain('  tool 1 -> 2');
    expect(lines).toContain('+ new 3');
    expect(lines).toContain('boot at qemu: 40 s -> 50 s');
    const page = differenceMarkdown(difference);
    expect(page).toContain('CVE-2026-12345');
    expect(page).not.toMatch(/<script|(?<!\\)\[a\]/);
    expect(page.match(/<\/details>/g)).toHaveLength(1);
  });

  it('that are the same differ in nothing but their boot', () =>
    inTemporary(async folder => {
      const same = { packages: { tool: '1' }, files: { 'etc/x': '1' }, form: 'raw' as const };
      const before = await bundleOf(folder, '20261120.1', same);
      const now = await bundleOf(folder, '20261121.1', same);
      const { packages, files } = await compareBundles(createContext(), { before, now, work: folder });
      expect({ packages, files }).toEqual({ packages: [], files: [] });
    }));
});
