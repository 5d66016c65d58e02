import { run } from '../src/chain/run.ts';
import type { LineResult } from '../src/chain/types.ts';
import { isCold } from './cold.ts';
import type { Performer } from './command.ts';
import { RUN } from './inputs/chain.ts';
import { runSummary } from './summaries.ts';

export const runPerformer: Performer<typeof RUN> = {
  command: RUN,
  leftovers: ({ output }) => [output],
  async perform(context, { cold, ...values }, job) {
    const { lines } = await run(context, { ...values, cold: isCold(context, { ...values, cold }), job });
    return {
      outputs: { lines: JSON.stringify(lines) },
      summary: runSummary(lines),
      lines: lines.flatMap(tell),
    };
  },
};

const WORDS: Readonly<Record<LineResult['outcome'], string>> = {
  promoted: 'is promoted',
  waiting: 'changed, but is not due: nothing to do',
  unchanged: 'has not changed: nothing to do',
  'would-build': 'would be built',
};

function tell(line: LineResult): string[] {
  return [
    `${line.image} ${line.version} ${WORDS[line.outcome]}${line.localTestKey ? ' (signed by a local test key)' : ''}`,
    ...(line.bundle === undefined ? [] : [`  bundle: ${line.bundle}`]),
    ...(line.page === undefined ? [] : [`  results: ${line.page}`]),
  ];
}
