import { dirname } from 'node:path';
import type { VerifyResult } from '../src/chain/types.ts';
import { verify } from '../src/chain/verify.ts';
import { CheckError } from '../src/host/errors.ts';
import type { Performer } from './command.ts';
import { VERIFY } from './inputs/chain.ts';
import { verifySummary } from './summaries.ts';

export const verifyPerformer: Performer<typeof VERIFY> = {
  command: VERIFY,
  leftovers: ({ bundle }) => [bundle, dirname(bundle)],
  async perform(context, values, job) {
    const result = await verify(context, { ...values, job });
    const failure = failureOf(result);
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

function failureOf({ report, statement }: VerifyResult): CheckError | undefined {
  if (report.passed) return undefined;
  const failed = report.checks.filter(
    check => check.outcome !== 'passed' && report.required.includes(check.name),
  );
  const names = failed.map(check => check.name).join(', ');
  return new CheckError(`${report.image} ${report.version} did not pass: ${names}`, {
    advice: `reports and the console log are in ${statement}`,
  });
}
