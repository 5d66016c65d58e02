import { reproduce } from '../src/chain/reproduce.ts';
import { CheckError } from '../src/host/errors.ts';
import { reproductionLines, reproductionMarkdown } from '../src/report/reproduction.ts';
import type { Performer } from './command.ts';
import { refuseCredentials } from './credentials.ts';
import { REPRODUCE } from './inputs/helpers.ts';

export const reproducePerformer: Performer<typeof REPRODUCE> = {
  command: REPRODUCE,
  leftovers: ({ output, work }) => [output, ...(work === undefined ? [] : [work])],
  async perform(context, values, job) {
    refuseCredentials(context.env);
    const result = await reproduce(context, { ...values, job });
    const { identical, report, rebuilt = '', manifest } = result;
    const failure = new CheckError(`${manifest.image} ${manifest.version} came out with other bytes`, {
      advice: `what differs stands in ${report}, and the second bundle is ${rebuilt}`,
    });
    return {
      outputs: { identical: String(identical), report, rebuilt },
      summary: reproductionMarkdown(result),
      lines: reproductionLines(result),
      ...(identical ? {} : { failure }),
    };
  },
};
