import type {
  BuildResult,
  BuiltBundle,
  BundleCheck,
  DeployResult,
  LineResult,
  PlanResult,
  PromoteResult,
  SignLayersResult,
  SignResult,
  VerifyResult,
} from '../src/chain/types.ts';
import { escapeMarkdown as text } from '../src/report/escape.ts';
import { bytes } from '../src/runner/progress.ts';
import type { CheckResult, Outcome } from '../src/verify/types.ts';

/** The pages a person reads under a job: what came out, in a table; what it means; what comes next. */

export function planSummary({ factory, matrices, due }: PlanResult): string {
  const legs = matrices.flatMap(({ include }) => include);
  const why = table(
    ['Image', 'Due', 'Why', 'What changed'],
    due.map(({ image, due: isDue, reason, changes }) => [
      text(image),
      isDue ? 'yes' : 'no',
      text(reason),
      changes.map(text).join('<br>'),
    ]),
  );
  return page(
    `Plan: ${count(legs.length, 'image')}`,
    table(
      ['Image', 'Architecture', 'Runner'],
      legs.map(leg => [text(leg.image), text(leg.architecture), text(leg.runner)]),
    ),
    ...(due.length === 0 ? [] : [why]),
    `From ${text(factory.file)}. Each line is built, verified, signed and promoted on its own.`,
  );
}

export function buildSummary({ outcome, reason, image, version, bundle }: BuildResult): string {
  if (outcome === 'built' && bundle !== undefined) return builtSummary(bundle);
  const title =
    outcome === 'kept' ? `Built before: ${text(image)} ${text(version)}` : `Not due: ${text(image)}`;
  return page(title, text(reason));
}

function builtSummary({ bundle, manifest }: BuiltBundle): string {
  const total = manifest.timings.reduce((sum, { seconds }) => sum + seconds, 0);
  return page(
    `Built ${text(manifest.image)} ${text(manifest.version)}`,
    table(
      ['File', 'Size', 'SHA-256'],
      manifest.files.map(file => [text(file.path), bytes(file.size), code(file.sha256)]),
    ),
    `Disk ${code(manifest.diskDigest)} (${bytes(manifest.diskSize)}), the same in every form. Built in ${total.toFixed(0)} s.`,
    details(
      'Where the time went',
      table(
        ['Step', 'Seconds'],
        manifest.timings.map(({ what, seconds }) => [text(what), seconds.toFixed(1)]),
      ),
    ),
    `**Next:** verify the bundle ${text(bundle)}; until then it is unsigned and untested.`,
  );
}

export function verifySummary({ report }: VerifyResult): string {
  const { machine } = report;
  return page(
    `${report.passed ? '✅ Passed' : '❌ Failed'}: ${text(report.image)} ${text(report.version)} at ${text(report.place)}`,
    checksTable(report.checks),
    `Booted by ${text(machine.kind)} (${text(machine.accelerator)}, ${text(machine.firmware)}) in ${report.bootSeconds.toFixed(1)} s. Disk ${code(report.diskDigest)}.`,
    report.passed
      ? '**Next:** sign and promote. The verdict is in the bundle, signed.'
      : '**Next:** read the console log beside the verdict; this disk cannot be promoted here.',
  );
}

export function signSummary(result: SignResult): string {
  const { fingerprint } = result;
  return page(
    `Signed by ${code(fingerprint)}`,
    result.localTestKey && '> ⚠️ This is the local test key: only a directory store accepts it.',
    `Core ${code(result.coreDigest)}.`,
    details(
      count(result.signatures.length, 'signature'),
      result.signatures.map(path => `- ${text(path)}`).join('\n'),
    ),
    '**Next:** promote the bundle into the first stage.',
  );
}

export function signLayersSummary({ layers, fingerprint }: SignLayersResult): string {
  if (fingerprint === undefined) return page('No layers to sign');
  return page(
    `Signed ${count(layers.length, 'layer')} by ${code(fingerprint)}`,
    details(
      'Which',
      table(
        ['Key', 'SHA-256 of the archive'],
        layers.map(({ key, archive }) => [code(key), code(archive)]),
      ),
    ),
  );
}

export function promoteSummary(result: PromoteResult, dryRun: boolean): string {
  const rows = [
    ...result.published.map(image => [text(image.line), text(image.version), 'published', text(image.id)]),
    ...result.hidden.map(image => [text(image.line), text(image.version), 'hidden', text(image.id)]),
  ];
  return page(
    `${dryRun ? 'Would promote' : 'Promoted'} into ${text(result.stage)}`,
    rows.length > 0 && table(['Image', 'Version', 'Now', 'Id in the store'], rows),
    result.steps.map(step => `1. ${text(step)}`).join('\n'),
    ...result.reports.map(report => details(`Checks at ${text(report.place)}`, checksTable(report.checks))),
  );
}

export function checkSummary(result: BundleCheck): string {
  return page(
    `Bundle ${text(result.manifest.image)} ${text(result.manifest.version)}`,
    checksTable(result.results),
    `Sealed by ${code(result.signedBy)}. Core ${code(result.coreDigest)}.`,
    table(
      ['Verdict at', 'Outcome', 'Finished', 'Signed by'],
      result.verdicts.map(verdict => [
        text(verdict.place),
        verdict.passed ? '✅ passed' : '❌ failed',
        text(verdict.finishedAt),
        code(verdict.signedBy),
      ]),
    ),
  );
}

export function deploySummary({ manifest, target, source, signedBy, written }: DeployResult): string {
  return page(
    `${text(manifest.image)} ${text(manifest.version)} to ${text(target.path)}`,
    written === 0 ? 'Nothing was written.' : `Written from ${text(source)}: ${bytes(written)}.`,
    `Disk ${code(manifest.diskDigest)}, signed by ${code(signedBy)}.`,
  );
}

export function runSummary(lines: readonly LineResult[]): string {
  return page(
    `Chain: ${count(lines.length, 'image')}`,
    table(
      ['Image', 'Version', 'Outcome', 'Key'],
      lines.map(line => [
        text(line.image),
        text(line.version),
        text(line.outcome),
        line.localTestKey ? '⚠️ local test key' : 'release key',
      ]),
    ),
  );
}

const MARKS: Readonly<Record<Outcome, string>> = {
  passed: '✅ passed',
  warned: '⚠️ warned',
  failed: '❌ failed',
  flaky: '❌ flaky',
  quarantined: '⚠️ in quarantine',
  'not-applicable': '➖ does not apply',
};

function checksTable(checks: readonly CheckResult[]): string {
  return table(
    ['Check', 'Outcome', 'Seconds', 'What was seen'],
    checks.map(check => [
      text(check.name),
      MARKS[check.outcome],
      check.seconds.toFixed(1),
      text(check.detail),
    ]),
  );
}

function page(title: string, ...blocks: readonly (string | false)[]): string {
  return [`## ${title}`, ...blocks.filter(block => block !== false && block !== '')].join('\n\n');
}

/** Cells come escaped. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function details(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** A digest or fingerprint as a code span; anything that is not hex is text. */
function code(hex: string): string {
  return /^[0-9a-f]+$/i.test(hex) ? `\`${hex}\`` : text(hex);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
