import { check } from '../src/chain/check.ts';
import type { Performer } from './command.ts';
import { CHECK } from './inputs/helpers.ts';
import { checkSummary } from './summaries.ts';

export const checkPerformer: Performer<typeof CHECK> = {
  command: CHECK,
  leftovers: () => [],
  async perform(context, values, job) {
    const result = await check(context, { ...values, job });
    const { manifest, coreDigest, signedBy } = result;
    return {
      outputs: { 'core-digest': coreDigest, 'signed-by': signedBy },
      summary: checkSummary(result),
      lines: [
        `${manifest.image} ${manifest.version}: signed by ${signedBy}`,
        ...result.results.map(({ outcome, name, detail }) => `${outcome.padEnd(7)} ${name}: ${detail}`),
        ...result.verdicts.map(
          verdict => `${verdict.passed ? 'passed' : 'failed'} at ${verdict.place}, ${verdict.finishedAt}`,
        ),
      ],
    };
  },
};
