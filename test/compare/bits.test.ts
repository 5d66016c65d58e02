import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Manifest } from '../../src/bundle/types.ts';
import { compareBits } from '../../src/compare/bits.ts';
import { DOCUMENTS } from '../../src/image/documents.ts';
import { reproductionLines, reproductionMarkdown } from '../../src/report/reproduction.ts';
import { inTemporary } from '../host/support.ts';
import { manifest as fixture } from '../report/fixture.ts';

type Entries = Readonly<Record<string, object>>;

async function bundle(folder: string, entries: Entries, digest: string): Promise<string> {
  const core = join(folder, 'core');
  await mkdir(core, { recursive: true });
  const [first] = fixture.files;
  const manifest: Manifest = {
    ...fixture,
    files: [{ ...first, sha256: digest } as Manifest['files'][number]],
  };
  await writeFile(join(core, 'manifest.json'), JSON.stringify(manifest));
  const rows = [
    { formatVersion: 1 },
    ...Object.entries(entries).map(([path, facts]) => ({ path, ...facts })),
  ];
  await writeFile(join(core, DOCUMENTS.inventory), rows.map(row => `${JSON.stringify(row)}\n`).join(''));
  return folder;
}

const compared = (before: Entries, now: Entries, digests: [string, string]) =>
  inTemporary(async folder =>
    compareBits(
      await bundle(join(folder, 'a'), before, digests[0]),
      await bundle(join(folder, 'b'), now, digests[1]),
    ),
  );

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string];
const file = (mtime: number, sha256 = '1', mode = '0644') => ({
  type: 'file',
  mode,
  sha256,
  mtime,
  hardLink: mtime,
});

it('goes by the bytes of the images alone', async () => {
  expect(await compared({ '/a': file(1) }, { '/a': file(2) }, [A, A])).toEqual({
    identical: true,
    images: [],
    entries: [],
  });
  const beside = await compared({ '/a': file(1) }, { '/a': file(1) }, [A, B]);
  expect(beside).toEqual({ identical: false, images: [fixture.files[0]?.path], entries: [] });
});

it('names the files that differ and by what, and knows when it is time alone', async () => {
  const before = {
    '/gone': file(1),
    '/mode': file(1),
    '/same': file(1),
    '/time': file(1),
    '/twice': file(1),
  };
  const now = {
    '/mode': file(1, '1', '0600'),
    '/new': file(1),
    '/same': file(1),
    '/time': file(2),
    '/twice': file(2, '2'),
  };
  const { entries } = await compared(before, now, [A, B]);
  expect(entries).toEqual([
    { path: '/gone', facts: ['absent'] },
    { path: '/mode', facts: ['mode'] },
    { path: '/new', facts: ['new'] },
    { path: '/time', facts: ['mtime'], reason: 'only its time differs' },
    { path: '/twice', facts: ['mtime', 'sha256'] },
  ]);
});

it('is told to a person without speaking to his terminal or page', () => {
  const path = '/x</details><script>';
  const told = {
    ...{ manifest: fixture, identical: false, images: ['x.qcow2'], causes: ['element motd changed'] },
    entries: [{ path, facts: ['sha256'] }],
  };
  expect(reproductionLines(told)).toEqual([
    'debian-12 20261121.1 came out with other bytes: x.qcow2',
    'may be the reason: element motd changed',
    'files that differ: 1',
    `${path}: sha256`,
  ]);
  expect(reproductionMarkdown(told)).not.toContain('<script>');
  expect(reproductionMarkdown({ ...told, identical: true })).toContain('identical, bit for bit');
});
