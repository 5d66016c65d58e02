import { readdir, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packLayers, unpackLayers } from '../../../src/build/layers/parcel.ts';
import { ARCHIVE, LayerStore } from '../../../src/build/layers/store.ts';
import { inTemporary, recordingContext } from '../../host/support.ts';
import { keepLayer, layerKey as key } from './support.ts';

const LONG_AGO = new Date(0);

/** Two hosts, and the folder between them. */
const between = (
  body: (hosts: { here: string; there: string; folder: string; said: readonly string[] }) => Promise<void>,
) =>
  inTemporary(async work => {
    const { said } = recording;
    said.length = 0;
    await body({ here: join(work, 'here'), there: join(work, 'there'), folder: join(work, 'shared'), said });
  });

const recording = recordingContext({ env: process.env });
const { context } = recording;

const keep = (cache: string, letter: string, secrets: readonly string[] | null = []) =>
  keepLayer(join(cache, 'layers'), letter, { secrets });

const found = (cache: string, letter: string) =>
  new LayerStore(context, join(cache, 'layers')).find(key(letter));

describe('layers that go to another host', () => {
  it('arrive as they were', () =>
    between(async ({ here, there, folder }) => {
      await keep(here, 'a');
      const packed = await packLayers(context, { cache: here, folder, since: LONG_AGO });
      expect(packed).toMatch(/^[0-9a-f]{64}$/);
      expect(await packLayers(context, { cache: here, folder, since: LONG_AGO })).toBe(packed);
      expect(await unpackLayers(context, { cache: there, folder })).toBe(1);
      expect(await found(there, 'a')).toEqual({
        ...(await found(here, 'a')),
        directory: join(there, 'layers', key('a')),
      });
    }));

  it('are those that were used lately', () =>
    between(async ({ here, folder }) => {
      await keep(here, 'a');
      const later = new Date(Date.now() + 60_000);
      expect(await packLayers(context, { cache: here, folder, since: later })).toBeUndefined();
    }));

  it('are not those with a secret in them', () =>
    between(async ({ here, folder, said }) => {
      await keep(here, 'a', ['root/.netrc']);
      await keep(here, 'b');
      await packLayers(context, { cache: here, folder, since: LONG_AGO });
      expect(await readdir(folder)).toEqual([key('b')]);
      expect(said.join()).toContain('the layer after bootstrap is not shared: /root/.netrc is in it');
    }));

  it('are not those that nobody has searched for secrets, as an initramfs', () =>
    between(async ({ here, folder }) => {
      await keep(here, 'a', null);
      await keep(here, 'b');
      await packLayers(context, { cache: here, folder, since: LONG_AGO });
      expect(await readdir(folder)).toEqual([key('b')]);
    }));

  it.each<[string, (folder: string) => Promise<void>]>([
    ['cut short', folder => truncate(join(folder, key('a'), ARCHIVE), 3)],
    ['changed', folder => writeFile(join(folder, key('a'), ARCHIVE), 'archive b')],
    ['under the name of another', folder => rename(join(folder, key('a')), join(folder, key('b')))],
    ['without a record', folder => truncate(join(folder, key('a'), 'layer.json'), 0)],
  ])('are left out when %s', (_what, damage) =>
    between(async ({ here, there, folder, said }) => {
      await keep(here, 'a');
      await packLayers(context, { cache: here, folder, since: LONG_AGO });
      await damage(folder);
      expect(await unpackLayers(context, { cache: there, folder })).toBe(0);
      expect(await readdir(join(there, 'layers'))).toEqual([]);
      expect(said.join()).toContain('a shared layer is left out');
    }),
  );

  it('may be none at all', () =>
    between(async ({ there, folder }) =>
      expect(await unpackLayers(context, { cache: there, folder })).toBe(0),
    ));
});
