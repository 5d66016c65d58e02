import { deploy } from '../src/chain/deploy.ts';
import { formatBytes } from '../src/report/format.ts';
import type { Performer } from './command.ts';
import { DEPLOY } from './inputs/helpers.ts';
import { deploySummary } from './summaries.ts';

export const deployPerformer: Performer<typeof DEPLOY> = {
  command: DEPLOY,
  leftovers: () => [],
  async perform(context, values, job) {
    const result = await deploy(context, { ...values, job });
    const { manifest, target, source, written, signedBy } = result;
    const image = `${manifest.image} ${manifest.version}, signed by ${signedBy}`;
    const what = values.dryRun
      ? `would write ${source} (${formatBytes(manifest.diskSize)}) to ${target.path}; nothing was changed`
      : `${target.path} holds the disk ${manifest.diskDigest}, ${formatBytes(written)} written`;
    return {
      outputs: { target: target.path, 'disk-digest': manifest.diskDigest },
      summary: deploySummary(result),
      lines: [image, what],
    };
  },
};
