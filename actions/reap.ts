import { reap } from '../src/chain/reap.ts';
import type { Made } from '../src/openstack/runs/kinds.ts';
import type { Performer } from './command.ts';
import { REAP } from './inputs/helpers.ts';

export const reapPerformer: Performer<typeof REAP> = {
  command: REAP,
  leftovers: () => [],
  async perform(context, values) {
    const { cloud, leftovers, left } = await reap(context, values);
    const done = values.dryRun ? 'would remove' : 'removed';
    const lines = [
      ...leftovers.map(each => `${done} ${told(each)}`),
      ...left.map(each => `left alone ${told(each)}: it is younger, or to be kept`),
    ];
    const total = `${cloud}: ${done} ${leftovers.length}, left alone ${left.length}`;
    return {
      outputs: { count: String(leftovers.length) },
      summary: [total, ...lines.map(line => `- ${line}`)].join('\n'),
      lines: [...lines, total],
    };
  },
};

function told({ kind, id, run }: Made): string {
  return `${kind} ${id} of ${run.name}`;
}
