import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listStatements } from '../../src/bundle/statements.ts';
import { forgetUnfinished, keepUnfinished } from '../../src/bundle/unfinished.ts';
import { TrustError } from '../../src/host/errors.ts';

const STORE = 'directory:stores/staging';

let bundle = '';

beforeEach(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'image-factory-unfinished-'));
});

afterEach(() => rm(bundle, { recursive: true, force: true }));

it('keeps the latest of each place until a run of it ends, and is no statement', async () => {
  await keepUnfinished(bundle, 'qemu', 'console.log', 'first');
  const again = await keepUnfinished(bundle, 'qemu', 'console.log', 'second');
  const other = await keepUnfinished(bundle, STORE, 'console.log', 'other');
  expect(await readFile(again, 'utf8')).toBe('second');
  expect(await listStatements(bundle)).toEqual([]);
  await forgetUnfinished(bundle, 'qemu');
  await expect(readFile(again)).rejects.toThrow('ENOENT');
  expect(await readFile(other, 'utf8')).toBe('other');
});

it('forgets where nothing was kept', () => expect(forgetUnfinished(bundle, 'qemu')).resolves.toBeUndefined());

it.each(['statements', 'statements/unfinished', 'statements/unfinished/qemu'])(
  'writes nothing where %s leads elsewhere',
  async path => {
    const elsewhere = join(bundle, 'elsewhere');
    await mkdir(elsewhere);
    await mkdir(join(bundle, path, '..'), { recursive: true });
    await symlink(elsewhere, join(bundle, path));
    await expect(keepUnfinished(bundle, 'qemu', 'console.log', 'text')).rejects.toThrow(TrustError);
    expect(await readdir(elsewhere)).toEqual([]);
  },
);
