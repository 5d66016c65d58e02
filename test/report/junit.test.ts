import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { junit } from '../../src/report/junit.ts';
import type { CheckResult } from '../../src/verify/types.ts';
import { report } from './fixture.ts';
import { mapStrings, skeleton } from './markup.ts';

const checks: CheckResult[] = [
  { name: 'running', outcome: 'passed', seconds: 0.25, detail: 'running' },
  { name: 'resolver', outcome: 'failed', seconds: 2, detail: '<8.8.8.8> & "others"' },
  { name: 'console', outcome: 'not-applicable', seconds: 0, detail: 'no serial port' },
];

describe('junit', () => {
  it('counts, names and times what happened', () => {
    const text = junit(report({ checks, passed: false }));
    expect(text).toContain('tests="3" failures="1" errors="0" skipped="1" time="90.000"');
    expect(text).toContain('<testcase classname="debian-12.qemu" name="running" time="0.250">');
    expect(text).toContain('<failure message="&lt;8.8.8.8&gt; &amp; &quot;others&quot;" type="failed">');
    expect(text).toContain('<skipped message="not-applicable: no serial port"/>');
  });

  it('is well-formed whatever a guest said', () => {
    const plain = skeleton(junit(report({ checks })));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const hostile = mapStrings(report({ checks }), word =>
          ['passed', 'failed', 'not-applicable'].includes(word) ? word : `${word}${text}]]><`,
        );
        expect(skeleton(junit(hostile))).toEqual(plain);
      }),
    );
  });
});
