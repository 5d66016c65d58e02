import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildImage } from '../../src/build/build.ts';
import type { Preparation } from '../../src/build/prepare.ts';
import { HostError } from '../../src/host/errors.ts';
import { inTemporary, recordingContext } from '../host/support.ts';
import { LINE } from './support.ts';

const PEBIBYTE = 2 ** 50;

it('room for the whole tree is required before a layer is restored', () =>
  inTemporary(async place => {
    const { context } = recordingContext({ env: { XDG_CACHE_HOME: join(place, 'cache') } });
    const layers = join(place, 'cache/image-factory/layers');
    const layer = join(layers, 'a'.repeat(64));
    // Of a build that was killed: whoever makes room for layers takes it away.
    const draft = join(layers, '.image-factory-1-1-0a');
    for (const folder of [layer, draft, join(place, 'out')]) await mkdir(folder, { recursive: true });
    const { mtimeMs } = await stat(layers);
    // As much of a preparation as is looked at until then; anything that goes on dies of it.
    const preparation = { line: LINE, installed: PEBIBYTE, download: 0, toolSet: 'engine' };
    const building = buildImage(context, {
      preparation: preparation as unknown as Preparation,
      ...{ version: '20260101.1', bundle: join(place, 'out/bundle'), directory: join(place, 'out') },
      ...{ layers: { size: 2 ** 40, age: 1 }, job: 'host:1' },
    });
    await expect(building).rejects.toThrow(HostError);
    await expect(building).rejects.toThrow(
      /^the build needs \d+\.\d GiB in .* \(the bundle.*layers\), where only \d+\.\d GiB are free/,
    );
    expect((await readdir(layers)).sort()).toEqual(['.image-factory-1-1-0a', 'a'.repeat(64)]);
    expect((await stat(layers)).mtimeMs).toBe(mtimeMs);
    expect(await readdir(join(place, 'out'))).toEqual([]);
  }));
