import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readTap } from '../../../src/verify/own/tap.ts';

it('is not seen in what scripts say otherwise', () => {
  expect(readTap('ok then\nall is well\n')).toBeUndefined();
  expect(readTap('')).toBeUndefined();
});

it('counts tests, and leaves what is skipped or still to do out of the failures', () => {
  const text = `TAP version 13
ok 1 - sshd answers
not ok 2 - swap is there # TODO not yet
ok 3 # SKIP no disk
  not ok 1 - of a subtest
not ok 4 - time \\# zone
# a comment
1..4
`;
  expect(readTap(text)).toEqual({ passed: 1, failed: [String.raw`time \# zone`], skipped: 1 });
});

it.each([
  ['1..3\nok 1\nok 2\n', 'it planned 3 tests and ran 2'],
  ['TAP version 13\nok 1\n', 'it has no plan'],
  ['1..1\nok 1\n1..1\n', 'it has more than one plan'],
  ['1..2\nok 1\nBail out! no network\n', 'it bailed out: no network'],
])('is broken: %j', (text, broken) => {
  expect(readTap(text)?.broken).toBe(broken);
});

/** Perl's own reader of the protocol. @returns whether it takes the stream for a pass */
async function prove(text: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-tap-'));
  try {
    const file = join(folder, 'stream.tap');
    await writeFile(file, text);
    return await new Promise(resolve =>
      execFile('prove', ['-Q', '--source', 'RawTAP', file], error => resolve(error === null)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const directive = fc.constantFrom('', ' # TODO later', ' # SKIP not here');
const test = fc.record({ good: fc.boolean(), words: fc.constantFrom('', ' - a name', ' name'), directive });

it('passes and fails what Perl passes and fails', { timeout: 60_000 }, () =>
  fc.assert(
    fc.asyncProperty(fc.array(test, { maxLength: 6 }), fc.nat(6), fc.boolean(), async (tests, plan, last) => {
      const lines = tests.map(
        (each, i) => `${each.good ? '' : 'not '}ok ${i + 1}${each.words}${each.directive}`,
      );
      const planned = [`1..${plan}`];
      const text = `${[...(last ? [] : planned), ...lines, ...(last ? planned : [])].join('\n')}\n`;
      const told = readTap(text);
      const passes = told !== undefined && told.failed.length === 0 && told.broken === undefined;
      // Perl takes a plan of no tests for a file that was skipped.
      fc.pre(plan > 0);
      expect(passes, text).toBe(await prove(text));
    }),
    { numRuns: 25 },
  ),
);
