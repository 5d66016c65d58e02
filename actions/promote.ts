import { dirname } from 'node:path';
import { promote } from '../src/chain/promote.ts';
import type { StoredImage } from '../src/promote/types.ts';
import type { Performer } from './command.ts';
import { PROMOTE } from './inputs/chain.ts';
import { promoteSummary } from './summaries.ts';

export const promotePerformer: Performer<typeof PROMOTE> = {
  command: PROMOTE,
  leftovers: ({ bundle, output }) => [bundle, dirname(bundle), output],
  async perform(context, values, job) {
    const result = await promote(context, { ...values, job });
    return {
      outputs: {
        stage: result.stage,
        published: list(result.published),
        hidden: list(result.hidden),
      },
      summary: promoteSummary(result, values.dryRun),
      lines: result.steps,
    };
  },
};

function list(images: readonly StoredImage[]): string {
  return JSON.stringify(images.map(({ id, line, version }) => ({ id, image: line, version })));
}
