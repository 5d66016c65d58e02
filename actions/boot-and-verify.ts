import { dirname } from 'node:path';
import { failureOf, verify } from '../src/chain/verify.ts';
import type { Performer } from './command.ts';
import { VERIFY } from './inputs/chain.ts';
import { verifySummary } from './summaries.ts';

export const verifyPerformer: Performer<typeof VERIFY> = {
  command: VERIFY,
  leftovers: ({ bundle }) => [bundle, dirname(bundle)],
  async perform(context, values, job) {
    const result = await verify(context, { ...values, job });
    const failure = failureOf(result.report);
    return {
      outputs: {
        passed: String(result.report.passed),
        statement: result.statement,
        'disk-digest': result.report.diskDigest,
      },
      summary: verifySummary(result),
      lines: result.report.checks.map(check => `${check.outcome.padEnd(7)} ${check.name}: ${check.detail}`),
      ...(failure && { failure }),
    };
  },
};
