import type { CheckResult, Report } from '../verify/types.ts';
import { escapeXml as xml } from './escape.ts';

/** The report in the JUnit form that GitHub, GitLab and Jenkins read; times are seconds. */
export function junit(report: Report): string {
  const seconds = (Date.parse(report.finishedAt) - Date.parse(report.startedAt)) / 1000;
  const failures = report.checks.filter(isFailure).length;
  const skipped = report.checks.filter(isSkipped).length;
  const counts = `tests="${report.checks.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
  const suite = `name="${xml(`${report.image} ${report.version} in ${report.place}`)}"`;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts} time="${number(seconds)}">`,
    `  <testsuite ${suite} ${counts} time="${number(seconds)}" timestamp="${xml(report.startedAt)}">`,
    '    <properties>',
    ...properties(report).map(
      ([name, value]) => `      <property name="${xml(name)}" value="${xml(value)}"/>`,
    ),
    '    </properties>',
    ...report.checks.map(check => testcase(report, check)),
    '  </testsuite>',
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function properties(report: Report): [string, string][] {
  return [
    ['run', report.run],
    ['job', report.job],
    ['machine', report.machine.kind],
    ['accelerator', report.machine.accelerator],
    ['firmware', report.machine.firmware],
    ['core-sha256', report.coreDigest],
    ['disk-sha256', report.diskDigest],
    ['boot-seconds', number(report.bootSeconds)],
    ['required', report.required.join(' ')],
  ];
}

function testcase(report: Report, check: CheckResult): string {
  const classname = `${report.image}.${report.place}`;
  const head = `    <testcase classname="${xml(classname)}" name="${xml(check.name)}" time="${number(check.seconds)}"`;
  const detail = xml(check.detail);
  const { outcome } = check;
  if (isFailure(check)) {
    return `${head}><failure message="${detail}" type="${outcome}">${detail}</failure></testcase>`;
  }
  if (isSkipped(check)) return `${head}><skipped message="${outcome}: ${detail}"/></testcase>`;
  return `${head}><system-out>${detail}</system-out></testcase>`;
}

function isFailure({ outcome }: CheckResult): boolean {
  return outcome === 'failed' || outcome === 'flaky';
}

/** JUnit has no word for a failure that stops nothing; its readers show a skipped test with its message. */
function isSkipped({ outcome }: CheckResult): boolean {
  return outcome === 'not-applicable' || outcome === 'warned' || outcome === 'quarantined';
}

function number(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : '0.000';
}
