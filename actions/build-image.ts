import { join } from 'node:path';
import { build } from '../src/chain/build.ts';
import { isCold } from './cold.ts';
import type { Performer } from './command.ts';
import { refuseCredentials } from './credentials.ts';
import { BUILD } from './inputs.ts';
import { buildSummary } from './summaries.ts';

export const buildPerformer: Performer<typeof BUILD> = {
  command: BUILD,
  leftovers: ({ output, work, image }) => [
    output,
    ...(image === undefined ? [] : [join(output, image)]),
    ...(work === undefined ? [] : [work]),
  ],
  async perform(context, { cache: _cache, cold, ...values }, job) {
    refuseCredentials(context.env);
    const result = await build(context, { ...values, cold: isCold(context, cold), job });
    const { image, version, diskDigest } = result.manifest;
    return {
      outputs: {
        bundle: result.bundle,
        image,
        version,
        'disk-digest': diskDigest,
        files: JSON.stringify(result.files),
      },
      summary: buildSummary(result),
      lines: [result.bundle],
    };
  },
};
