import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openScript, withLayerRoom } from '../../../src/build/layers/room.ts';
import { ARCHIVE } from '../../../src/build/layers/store.ts';
import { inTemporary, recordingContext } from '../../host/support.ts';
import { LINE } from '../support.ts';

const LIMITS = { size: 10, age: 1 };

it('a cold build has no room, and touches nothing but drafts of dead ones', () =>
  inTemporary(async cache => {
    const { context } = recordingContext();
    expect(await withLayerRoom(context, cache, undefined, async room => room)).toBeUndefined();
    expect(await readdir(cache)).toEqual([]);
    for (const name of ['.image-factory-1-1-0a', 'a'.repeat(64)])
      await mkdir(join(cache, 'layers', name), { recursive: true });
    await withLayerRoom(context, cache, undefined, async () => {});
    expect(await readdir(join(cache, 'layers'))).toEqual(['a'.repeat(64)]);
  }));

it('a build removes drafts of dead ones before, and what is beyond the limit afterwards, even when it fails', () =>
  inTemporary(async cache => {
    const { context } = recordingContext();
    const folder = join(cache, 'layers');
    await mkdir(join(folder, '.image-factory-1-1-0a/layer-0'), { recursive: true });
    const failing = withLayerRoom(context, cache, LIMITS, async room => {
      expect(await readdir(folder)).toHaveLength(1);
      for (const letter of ['a', 'b']) {
        const draft = join(room?.draft ?? '', letter);
        await mkdir(draft);
        await writeFile(join(draft, ARCHIVE), '1234567');
        await room?.store.keep(draft, {
          key: letter.repeat(64),
          place: 'bootstrap',
          bound: {},
          lists: [],
          secrets: [],
        });
      }
      throw new Error('no luck');
    });
    await expect(failing).rejects.toThrow('no luck');
    expect((await readdir(folder)).length).toBe(1);
  }));

it('the open script of the last build is known by its line', () =>
  inTemporary(async home => {
    const { context } = recordingContext({ env: { XDG_CACHE_HOME: home } });
    expect(await openScript(context, LINE)).toBeUndefined();
    const open = { since: '2026-01-01T00:00:00.000Z', by: 'element a: install.d/50-x' };
    await withLayerRoom(context, join(home, 'image-factory'), LIMITS, room =>
      Promise.resolve(room?.store.note('debian-12 amd64', { steps: [], open }, room.draft)),
    );
    expect(await openScript(context, LINE)).toBe(open.by);
    expect(await openScript(context, { ...LINE, name: 'other' })).toBeUndefined();
  }));
