/** What a stream in the Test Anything Protocol tells, versions 12 to 14; subtests count by their parent's line. */
export interface TapReport {
  readonly passed: number;
  /** Descriptions of the tests that failed, `todo` ones left out. */
  readonly failed: readonly string[];
  readonly skipped: number;
  /** Why the stream as a whole is no pass, such as a plan that was not kept. */
  readonly broken?: string;
}

const PLAN = /^1\.\.(\d+)(?:\s*#\s*(.*))?$/;
const TEST = /^(not )?ok\b(?:\s+(\d+)\b)?(?:\s+-)?\s*(.*)$/;
const DIRECTIVE = /(?:^|\s)#\s*(todo|skip)\b.*$/i;
const BAIL = /^Bail out!\s*(.*)$/;

/** @returns undefined for a text that is not in that protocol */
export function readTap(text: string): TapReport | undefined {
  const lines = text.split(/\r?\n/);
  if (!lines.some(line => /^TAP version \d+$/.test(line) || PLAN.test(line))) return undefined;
  const tests = lines.map(testOf).filter(found => found !== undefined);
  const bad = tests.filter(({ good, directive }) => !good && directive !== 'todo');
  const skipped = tests.filter(({ good, directive }) => good && directive === 'skip').length;
  const broken = brokenBy(lines, tests.length);
  return {
    passed: tests.filter(({ good, directive }) => good && directive !== 'skip').length,
    failed: bad.map(({ description }) => description),
    skipped,
    ...(broken === undefined ? {} : { broken }),
  };
}

function testOf(line: string) {
  const found = TEST.exec(line);
  if (found === null) return undefined;
  const [, not, number, rest = ''] = found;
  const description = rest.replace(DIRECTIVE, '').trim() || `test ${number ?? '?'}`;
  return { good: not === undefined, directive: DIRECTIVE.exec(rest)?.[1]?.toLowerCase(), description };
}

function brokenBy(lines: readonly string[], ran: number): string | undefined {
  const bail = lines.map(line => BAIL.exec(line)).find(found => found !== null);
  if (bail !== undefined) return `it bailed out${bail[1] ? `: ${bail[1]}` : ''}`;
  const plans = lines.map(line => PLAN.exec(line)).filter(found => found !== null);
  if (plans.length !== 1) return plans.length === 0 ? 'it has no plan' : 'it has more than one plan';
  const planned = Number(plans[0]?.[1]);
  return planned === ran ? undefined : `it planned ${planned} tests and ran ${ran}`;
}
