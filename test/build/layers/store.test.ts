import { mkdir, readdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARCHIVE, LayerStore } from '../../../src/build/layers/store.ts';
import { createContext } from '../../../src/host/context.ts';
import { inTemporary } from '../../host/support.ts';
import { keepLayer, layerKey as key } from './support.ts';

const inStore = (body: (store: LayerStore, folder: string) => Promise<void>) =>
  inTemporary(folder => body(new LayerStore(createContext(), folder), folder));

describe('LayerStore', () => {
  it('gives back what it was given, with size and digest', () =>
    inStore(async (store, folder) => {
      await keepLayer(folder, 'a', { content: 'archive' });
      expect(await store.find(key('a'))).toEqual({
        formatVersion: 3,
        key: key('a'),
        place: 'bootstrap',
        bound: {},
        lists: ['l'],
        secrets: [],
        directory: join(folder, key('a')),
        size: 7,
        sha256: '0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3',
      });
      expect(await store.find(key('b'))).toBeUndefined();
    }));

  it.each<[string, (layer: string) => Promise<void>]>([
    ['whose archive is cut short', layer => truncate(join(layer, ARCHIVE), 3)],
    ['whose archive is missing', layer => rm(join(layer, ARCHIVE))],
    ['whose record is cut short', layer => truncate(join(layer, 'layer.json'), 20)],
    ['whose record is empty', layer => truncate(join(layer, 'layer.json'), 0)],
    [
      'whose record is of another format',
      layer => writeFile(join(layer, 'layer.json'), '{"formatVersion":1}'),
    ],
  ])('does not know a layer %s, and takes another in its place', (_what, damage) =>
    inStore(async (store, folder) => {
      await keepLayer(folder, 'a', { content: 'archive' });
      await damage(join(folder, key('a')));
      expect(await store.find(key('a'))).toBeUndefined();
      await keepLayer(folder, 'a', { content: 'whole again' });
      expect(await store.find(key('a'))).toMatchObject({ size: 11 });
      expect(await readdir(folder)).toEqual([key('a')]);
    }),
  );

  it('a layer under the name of another counts for nothing', () =>
    inStore(async (store, folder) => {
      await keepLayer(folder, 'a', { content: 'archive' });
      await rename(join(folder, key('a')), join(folder, key('b')));
      expect(await store.find(key('b'))).toBeUndefined();
    }));

  it('lets the first of two neighbours stand', () =>
    inStore(async (store, folder) => {
      await keepLayer(folder, 'a', { content: 'first' });
      await keepLayer(folder, 'a', { content: 'the second' }).catch(() => {});
      expect(await store.find(key('a'))).toMatchObject({ size: 5 });
    }));

  it('removes the layers used longest ago beyond the limit, and what is not whole', () =>
    inStore(async (store, folder) => {
      for (const name of ['a', 'b', 'c', 'd']) await keepLayer(folder, name, { content: '1234567890' });
      for (const [index, name] of ['b', 'd', 'a', 'c'].entries()) {
        await utimes(join(folder, key(name)), 1000 + index, 1000 + index);
      }
      await rm(join(folder, key('c'), 'layer.json'));
      await mkdir(join(folder, `${key('e')}.gone-0a`));
      const oldest = await store.find(key('b'));
      if (oldest !== undefined) await store.touch(oldest);
      await store.evict(25);
      expect((await readdir(folder)).sort()).toEqual([key('a'), key('b')]);
    }));

  it('notes something for each line, and nothing readable counts as nothing', () =>
    inStore(async (store, folder) => {
      expect(await store.noted('debian-12 amd64')).toBeUndefined();
      const told = { steps: [{ place: 'bootstrap', key: key('a') }], open: { since: '2026-01-01', by: 'x' } };
      const draft = join(folder, 'draft');
      await mkdir(draft, { recursive: true });
      await store.note('debian-12 amd64', told, draft);
      await store.note('../x', { steps: [] }, draft);
      expect(await readdir(draft)).toEqual([]);
      expect(await store.noted('debian-12 amd64')).toEqual(told);
      for (const name of await readdir(join(folder, 'lines')))
        await writeFile(join(folder, 'lines', name), '[');
      expect(await store.noted('../x')).toBeUndefined();
    }));
});
