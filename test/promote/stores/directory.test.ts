import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { DefinitionError, HostError, TrustError } from '../../../src/host/errors.ts';
import type { Store } from '../../../src/promote/types.ts';
import { imageFile, openStore, temporary } from '../fixture.ts';

let folder: string;
let path: string;
let store: Store;

beforeEach(async () => {
  folder = await temporary();
  path = join(folder, 'store');
  store = await openStore(path);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function upload(version: string, into = store) {
  const image = await imageFile(folder, version);
  return into.upload({ line: 'debian-12', version, ...image, properties: { build: 'job 1' } });
}

async function catalogue(): Promise<{ images: { id: string; path: string; sha256: string }[] }> {
  return JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
}

describe('upload', () => {
  it('stores the bytes privately under a fixed id, as sha256sum sees them', async () => {
    const image = await upload('20261121.1');
    expect(image).toMatchObject({ id: 'debian-12-20261121.1-raw', visibility: 'private', hidden: false });
    const [sum] = execFileSync('sha256sum', [await store.open(image.id)], { encoding: 'utf8' }).split(' ');
    expect(sum).toBe(image.file.sha256);
    expect((await stat(join(path, 'images', image.id))).mode & 0o777).toBe(0o700);
    expect((await catalogue()).images).toEqual([]);
  });

  it('keeps a mostly empty file sparse', async () => {
    const { source, file } = await imageFile(folder, '20261121.1', 64 * 1024 * 1024);
    execFileSync('fallocate', ['--length', '64MiB', source]);
    const image = await store.upload({
      line: 'debian-12',
      version: '20261121.1',
      file,
      source,
      properties: {},
    });
    expect((await stat(await store.open(image.id))).blocks * 512).toBeLessThan(1024 * 1024);
  });

  it('does nothing the second time, and refuses other bytes under the same name', async () => {
    const first = await upload('20261121.1');
    const again = { line: 'debian-12', version: '20261121.1', properties: {} };
    const source = await store.open(first.id);
    expect(await store.upload({ ...again, file: first.file, source })).toEqual(first);
    await expect(upload('20261121.1')).rejects.toThrow(TrustError);
  });

  it('leaves nothing when the source is not what the bundle names', async () => {
    const { source, file } = await imageFile(folder, '20261121.1');
    await truncate(source, file.size - 1);
    const request = { line: 'debian-12', version: '20261121.1', file, source, properties: {} };
    await expect(store.upload(request)).rejects.toThrow(TrustError);
    expect(await readdir(join(path, 'images'))).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('says that the disk is full and leaves nothing', async () => {
    const small = join(folder, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]);
    try {
      const full = await openStore(small);
      const { source, file } = await imageFile(folder, '20261121.1');
      execFileSync('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', 'count=1', 'status=none']);
      const request = { line: 'debian-12', version: '20261121.1', file, source, properties: {} };
      const error = await full.upload(request).catch(each => each);
      expect(error).toBeInstanceOf(HostError);
      expect(error.line).toMatch(/^no room to copy .*: make room there, then run again$/);
      expect(await readdir(join(small, 'images'))).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it.each(['../up', 'a/b', '.hidden', '', 'new\nline'])('refuses %j as a name', async line => {
    const image = await imageFile(folder, '1');
    await expect(store.upload({ line, version: '1', ...image, properties: {} })).rejects.toThrow(
      DefinitionError,
    );
  });
});

describe('change', () => {
  it('publishes, keeps properties and writes the catalogue', async () => {
    const { id } = await upload('20261121.1');
    const image = await store.change(id, { visibility: 'public', properties: { accepted: 'job 2' } });
    expect(image.properties).toEqual({ build: 'job 1', accepted: 'job 2' });
    expect(await store.list('debian-12')).toEqual([image]);
    const [entry] = (await catalogue()).images;
    expect(entry).toMatchObject({ id, sha256: image.file.sha256 });
    expect(join(path, entry?.path ?? '')).toBe(await store.open(id));
    expect((await stat(join(path, 'images', id))).mode & 0o777).toBe(0o755);
  });

  it('takes a hidden image out of the catalogue, not out of the store', async () => {
    const { id } = await upload('20261121.1');
    await store.change(id, { visibility: 'public' });
    await store.change(id, { hidden: true });
    expect((await catalogue()).images).toEqual([]);
    expect(await store.list('debian-12')).toHaveLength(1);
    expect((await stat(await store.open(id))).isFile()).toBe(true);
  });
});

describe('list', () => {
  it('has the newest version first, of the asked line only', async () => {
    for (const version of ['20261121.9', '20261121.10', '20261120.1']) await upload(version);
    const versions = (await store.list('debian-12')).map(image => image.version);
    expect(versions).toEqual(['20261121.10', '20261121.9', '20261120.1']);
    expect(await store.list('debian-13')).toEqual([]);
  });

  it.each([
    ['not JSON', '{'],
    ['formatVersion', '{"formatVersion":2}'],
    ['Unrecognized key', undefined],
  ])('says in one line what is wrong with a foreign record: %s', async (why, text) => {
    const { id } = await upload('20261121.1');
    const file = join(path, 'images', id, 'image.json');
    const before = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, text ?? JSON.stringify({ ...before, extra: 1 }));
    const error = await store.list('debian-12').catch(each => each);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.line).toContain(file);
    expect(error.line).toContain(why);
    expect(error.line).not.toContain('\n');
  });

  it('refuses the record of another image, and one whose file leads out of its folder', async () => {
    const { id } = await upload('20261121.1');
    const file = join(path, 'images', id, 'image.json');
    const text = await readFile(file, 'utf8');
    await mkdir(join(path, 'images', 'other'));
    await copyFile(file, join(path, 'images', 'other', 'image.json'));
    await expect(store.list('debian-12')).rejects.toThrow(`it is the record of ${id}`);
    await rm(join(path, 'images', 'other'), { recursive: true });
    await writeFile(file, text.replace('"path": "', '"path": "../'));
    await expect(store.open(id)).rejects.toThrow(DefinitionError);
  });
});

describe('a store that a dead process left', () => {
  it('loses half an upload and gets its catalogue right', async () => {
    const { id } = await upload('20261121.1');
    await store.change(id, { visibility: 'public' });
    await rm(join(path, 'index.json'));
    await mkdir(join(path, 'images', '.partial-debian-12-20261121.2-raw'));
    await openStore(path);
    expect(await readdir(join(path, 'images'))).toEqual([id]);
    expect((await catalogue()).images).toHaveLength(1);
  });

  it('is not made, nor touched, by a reader', async () => {
    const { openDirectoryStore } = await import('../../../src/promote/stores/directory.ts');
    const absent = join(folder, 'absent');
    const reference = { kind: 'directory', name: 'directory:absent', path: absent } as const;
    const reader = await openDirectoryStore(createContext(), reference, absent, { readOnly: true });
    expect(await reader.list('debian-12')).toEqual([]);
    await expect(stat(absent)).rejects.toThrow('ENOENT');
  });
});

describe('remove', () => {
  it('takes the image and its folder', async () => {
    const { id } = await upload('20261121.1');
    await store.remove(id);
    expect(await readdir(join(path, 'images'))).toEqual([]);
    await expect(store.remove(id)).rejects.toThrow(`holds no image ${id}`);
  });
});

it('lets two processes write without harm', async () => {
  const other = await openStore(path);
  const images = await Promise.all([upload('20261121.1'), upload('20261121.2', other), upload('20261121.3')]);
  await Promise.all(
    images.map(({ id }, index) => (index === 1 ? other : store).change(id, { visibility: 'public' })),
  );
  expect((await catalogue()).images).toHaveLength(3);
});
