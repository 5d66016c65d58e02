import { z } from 'zod';
import { parseJson } from './json.ts';
import { checkFormatVersion, checkShape, sha256, sha512, timestamp } from './manifest.ts';
import { FORMAT_VERSION, type Manifest } from './types.ts';

/** https://github.com/in-toto/attestation, Statement v1 with the test-result predicate v0.1. */
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';

const text = z.string().max(4096);
const names = z.array(text).readonly();

const verdict = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(z.strictObject({ name: text, digest: z.strictObject({ sha256, sha512: sha512.exactOptional() }) }))
    .min(2),
  predicateType: z.literal(TEST_RESULT),
  predicate: z.strictObject({
    result: z.enum(['PASSED', 'FAILED']),
    configuration: z.array(z.strictObject({ name: text, digest: z.strictObject({ sha256 }) })),
    url: text,
    passedTests: names,
    warnedTests: names,
    failedTests: names,
    /** What the predicate has no word for. */
    imageFactory: z.strictObject({
      formatVersion: z.literal(FORMAT_VERSION),
      image: text,
      version: text,
      place: text,
      run: text,
      machine: z.strictObject({ kind: text, accelerator: text, firmware: text }),
      coreDigest: sha256,
      diskDigest: sha256,
      /** The one file of that disk whose bytes were booted. */
      bootedFile: z.strictObject({ path: text, sha256, sha512 }),
      startedAt: timestamp,
      finishedAt: timestamp,
      required: names,
      /** Checks that had nothing to look at; absent: none. */
      notApplicable: names.exactOptional(),
      /** Percent of the hardening profile that it meets; absent: it was not judged. */
      hardening: z.number().exactOptional(),
      /** Digests of the reports beside the statement. */
      reports: z.array(z.strictObject({ name: text, sha256 })),
    }),
  }),
});

export type VerdictStatement = z.infer<typeof verdict>;

/** The parts of a report that a verdict tells; see Report in src/verify/types.ts. */
interface Tested {
  readonly image: string;
  readonly version: string;
  readonly place: string;
  readonly run: string;
  readonly job: string;
  readonly machine: { readonly kind: string; readonly accelerator: string; readonly firmware: string };
  readonly coreDigest: string;
  readonly diskDigest: string;
  readonly bootedFile: { readonly path: string; readonly sha256: string; readonly sha512: string };
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly required: readonly string[];
  readonly checks: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly score?: { readonly points: number };
  }[];
  readonly passed: boolean;
}

/** Names of the subjects beside the image files. */
export const CORE_SUBJECT = 'core';
export const DISK_SUBJECT = 'disk';

export function verdictStatement(
  manifest: Manifest,
  report: Tested,
  reports: readonly { name: string; sha256: string }[],
): VerdictStatement {
  const { image, version, place, run, coreDigest, diskDigest, startedAt, finishedAt, required } = report;
  const { path, sha256, sha512 } = report.bootedFile;
  const ended = (...outcomes: string[]) =>
    report.checks.filter(each => outcomes.includes(each.outcome)).map(each => each.name);
  const notApplicable = ended('not-applicable');
  const { kind, accelerator, firmware } = report.machine;
  const score = report.checks.find(each => each.score !== undefined)?.score;
  return {
    _type: STATEMENT_TYPE,
    subject: [
      { name: CORE_SUBJECT, digest: { sha256: coreDigest } },
      { name: DISK_SUBJECT, digest: { sha256: diskDigest } },
      ...manifest.files.map(file => ({
        name: file.path,
        digest: { sha256: file.sha256, sha512: file.sha512 },
      })),
    ],
    predicateType: TEST_RESULT,
    predicate: {
      result: report.passed ? 'PASSED' : 'FAILED',
      configuration: [{ name: 'core', digest: { sha256: coreDigest } }],
      url: report.job,
      passedTests: ended('passed'),
      warnedTests: ended('warned', 'quarantined'),
      // What failed once has failed.
      failedTests: ended('failed', 'flaky'),
      imageFactory: {
        formatVersion: FORMAT_VERSION,
        ...{ image, version, place, run, coreDigest, diskDigest, startedAt, finishedAt, required },
        ...(notApplicable.length > 0 && { notApplicable }),
        ...(score === undefined ? {} : { hardening: score.points }),
        bootedFile: { path, sha256, sha512 },
        machine: { kind, accelerator, firmware },
        reports: [...reports],
      },
    },
  };
}

/**
 * Reads the payload of a verdict's envelope, against its closed schema.
 * @throws DefinitionError for another format version, or with the first thing that is wrong
 */
export function parseVerdict(payload: Buffer, what: string): VerdictStatement {
  const value = parseJson(payload.toString('utf8'), what);
  const extension = (value as { predicate?: { imageFactory?: unknown } } | null)?.predicate?.imageFactory;
  checkFormatVersion(extension, what);
  return checkShape<VerdictStatement>(verdict, value, what);
}
