import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { NO_LOGINS } from '../../../src/image/logins.ts';
import { OFFLINE_CHECKS } from '../../../src/verify/offline/checks/index.ts';
import { runOffline } from '../../../src/verify/offline/run.ts';
import { manifest } from '../../report/fixture.ts';

const DISK = Buffer.alloc(1024 ** 2, 'no disk');

async function looked(content: Buffer) {
  const core = await mkdtemp(join(tmpdir(), 'image-factory-unreadable-'));
  onTestFinished(() => rm(core, { recursive: true, force: true }));
  const raw = manifest.files.find(({ form }) => form === 'raw')?.path ?? '';
  await writeFile(join(core, raw), content);
  const bundle = { core, line: manifest.line, logins: NO_LOGINS, allow: {}, work: core };
  const told = { ...manifest, diskSize: DISK.length };
  const results = await runOffline(createContext(), { ...bundle, manifest: told }, OFFLINE_CHECKS, {});
  expect(await readdir(core)).toEqual([raw]);
  return results;
}

test.each([
  ['of another size', DISK.subarray(512), /holds a disk of \d+ bytes/],
  ['with other bytes', DISK, /does not hold the disk of the manifest/],
])('a disk %s fails whatever would have looked at it', async (_what, content, says) => {
  const results = await looked(content);
  expect(results.map(({ name }) => name)).toEqual(OFFLINE_CHECKS.map(({ name }) => name));
  for (const { outcome, detail } of results)
    expect([outcome, detail]).toEqual(['failed', expect.stringMatching(says)]);
});

test('every check says what it protects, once', () => {
  for (const { name, protects } of OFFLINE_CHECKS) expect(protects, name).toMatch(/^[A-Z].{20,}\.$/);
  expect(new Set(OFFLINE_CHECKS.map(({ name }) => name)).size).toBe(OFFLINE_CHECKS.length);
});
