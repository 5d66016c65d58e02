import { expect, it } from 'vitest';
import { parseVerdict, verdictStatement } from '../../src/bundle/verdict.ts';
import type { CheckResult, Outcome } from '../../src/verify/types.ts';
import { manifest, report } from '../report/fixture.ts';

const OUTCOMES: readonly Outcome[] = [
  ...['passed', 'warned', 'failed', 'flaky', 'quarantined', 'not-applicable'],
] as Outcome[];

const score = { points: 48, met: [], missed: [], waived: [] };
const checks = OUTCOMES.map(
  outcome => ({ name: outcome, outcome, seconds: 1, detail: '', score }) as CheckResult,
);

it('is read as it was written, whatever came out of the checks', () => {
  const statement = verdictStatement(manifest, report({ checks }), []);
  expect(parseVerdict(Buffer.from(JSON.stringify(statement)), 'a verdict')).toEqual(statement);
  expect(statement.predicate).toMatchObject({
    passedTests: ['passed'],
    warnedTests: ['warned', 'quarantined'],
    failedTests: ['failed', 'flaky'],
    imageFactory: { notApplicable: ['not-applicable'], hardening: 48 },
  });
});

it('leaves out what did not happen', () => {
  const plain = report({ checks: [{ name: 'ssh', outcome: 'passed', seconds: 1, detail: '' }] });
  const statement = verdictStatement(manifest, plain, []);
  expect(parseVerdict(Buffer.from(JSON.stringify(statement)), 'a verdict')).toEqual(statement);
  expect(Object.keys(statement.predicate.imageFactory)).not.toContain('hardening');
});
