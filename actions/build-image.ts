import { join } from 'node:path';
import { build } from '../src/chain/build.ts';
import { isCold } from './cold.ts';
import type { Performer } from './command.ts';
import { refuseCredentials } from './credentials.ts';
import { BUILD } from './inputs/chain.ts';
import { buildSummary } from './summaries.ts';

export const buildPerformer: Performer<typeof BUILD> = {
  command: BUILD,
  leftovers: ({ output, work, image }) => [
    output,
    ...(image === undefined ? [] : [join(output, image)]),
    ...(work === undefined ? [] : [work]),
  ],
  async perform(context, { cache: _cache, shareLayers: _shareLayers, cold, ...values }, job) {
    refuseCredentials(context.env);
    const result = await build(context, { ...values, cold: isCold(context, { ...values, cold }), job });
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
      },
      summary: buildSummary(result),
      lines: bundle === undefined ? [] : [bundle.bundle],
    };
  },
};
