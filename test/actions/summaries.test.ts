import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSummary, promoteSummary, signSummary } from '../../actions/summaries.ts';
import type { PlanResult, PromoteResult } from '../../src/chain/types.ts';

const NOBODY = { fingerprints: { verify: [], release: [], layers: [] } };

const HOSTILE = '</details><script>alert(1)</script> | `x` [a](https://evil.example) @everyone\n## Passed';

function planOf(image: string): PlanResult {
  const leg = { image, architecture: 'amd64', runner: 'r' };
  const factory = { file: '/f', elementPaths: [], images: [], stages: [] };
  return {
    factory: { ...factory, retention: { keep: 1 }, signing: NOBODY },
    matrices: [{ include: [leg] }],
    due: [{ image, architecture: 'amd64', due: true, reason: image, changes: [image] }],
  };
}

describe('a job summary', () => {
  it('shows foreign text as text', () => {
    const page = planSummary(planOf(HOSTILE));
    expect(page).not.toMatch(/<script|<\/details>|^## Passed|(?<!\\)\[a\]|@everyone/m);
  });

  it('keeps its table, whatever a name holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), name => {
        const lines = planSummary(planOf(name)).split('\n');
        const row = lines.find(line => line.includes('amd64'));
        const why = lines.find(line => line.includes('| yes |'));
        expect(lines).toHaveLength(planSummary(planOf('x')).split('\n').length);
        expect(row?.replaceAll(/\\./g, '').match(/\|/g)).toHaveLength(4);
        expect(why?.replaceAll(/\\./g, '').match(/\|/g)).toHaveLength(5);
      }),
    );
  });

  it('warns of a local test key, and has no warning without one', () => {
    const result = {
      fingerprint: 'A'.repeat(40),
      localTestKey: true,
      coreDigest: 'b'.repeat(64),
      signatures: ['s.asc'],
    };
    expect(signSummary(result)).toContain('only a directory store accepts it');
    expect(signSummary({ ...result, localTestKey: false })).not.toContain('test key');
  });

  it('of a dry run does not say that anything was promoted', () => {
    const result: PromoteResult = {
      stage: 'staging',
      steps: ['upload'],
      published: [],
      hidden: [],
      reports: [],
    };
    expect(promoteSummary(result, true)).toMatch(/^## Would promote into staging\n\n1\. upload$/);
  });
});
