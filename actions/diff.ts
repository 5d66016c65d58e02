import { diff } from '../src/chain/diff.ts';
import { differenceLines, differenceMarkdown } from '../src/report/difference.ts';
import type { Performer } from './command.ts';
import { DIFF } from './inputs/helpers.ts';

export const diffPerformer: Performer<typeof DIFF> = {
  command: DIFF,
  leftovers: () => [],
  async perform(context, { format, ...values }) {
    const difference = await diff(context, values);
    const summary = differenceMarkdown(difference);
    const lines = {
      text: () => differenceLines(difference),
      json: () => [JSON.stringify(difference, null, 2)],
      markdown: () => [summary],
    };
    return { outputs: {}, summary, lines: lines[format]() };
  },
};
