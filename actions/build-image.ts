import { join } from 'node:path';
import { build } from '../src/chain/build.ts';
import { leaveLayers, restoreCaches, type Wish } from './caches.ts';
import { isCold } from './cold.ts';
import type { Performer } from './command.ts';
import { refuseCredentials } from './credentials.ts';
import { BUILD } from './inputs/chain.ts';
import { buildSummary } from './summaries.ts';
import type { ValuesOf } from './values.ts';

type Values = ValuesOf<typeof BUILD>;

export const buildPerformer: Performer<typeof BUILD> = {
  command: BUILD,
  leftovers: ({ output, work, image }) => [
    output,
    ...(image === undefined ? [] : [join(output, image)]),
    ...(work === undefined ? [] : [work]),
  ],
  async perform(context, values, job) {
    refuseCredentials(context.env);
    const { cache: _cache, shareLayers: _shareLayers, signedLayers: _signedLayers, ...request } = values;
    const cold = isCold(context, values);
    const wish = wishOf(values, cold);
    const packages = await restoreCaches(context, wish);
    const since = context.now();
    const result = await build(context, { ...request, cold, job });
    const layers = await leaveLayers(context, wish, since);
    const { outcome, reason, image, version, bundle } = result;
    return {
      outputs: {
        outcome,
        reason,
        image,
        version,
        bundle: bundle?.bundle ?? '',
        'disk-digest': bundle?.manifest.diskDigest ?? '',
        files: JSON.stringify(bundle?.files ?? {}),
        layers: layers.folder ?? '',
      },
      summary: buildSummary(result),
      lines: bundle === undefined ? [] : [bundle.bundle],
      caches: [...packages, ...layers.caches],
    };
  },
};

function wishOf({ image, factory, cache, shareLayers, signedLayers }: Values, cold: boolean): Wish {
  return {
    ...(image === undefined ? {} : { image }),
    ...(factory === undefined ? {} : { factory }),
    ...(signedLayers === undefined ? {} : { signedLayers }),
    ...{ cache, cold, shareLayers },
  };
}
