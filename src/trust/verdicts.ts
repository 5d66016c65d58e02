import { join } from 'node:path';
import type { MeasuredCore } from '../bundle/core.ts';
import { runningDigest, sha256Hex } from '../bundle/digest.ts';
import { type Envelope, parseEnvelope, preAuthenticationEncoding } from '../bundle/dsse.ts';
import { readBytes, readText } from '../bundle/files.ts';
import { listStatements, STATEMENT, type StatementFolder } from '../bundle/statements.ts';
import { CORE_SUBJECT, DISK_SUBJECT, parseVerdict, type VerdictStatement } from '../bundle/verdict.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, TrustError } from '../host/errors.ts';
import { judgeSignature } from './judge.ts';
import type { Policy } from './policy.ts';

/** A verdict whose signature is good and that speaks of this very core. */
export interface Verdict {
  readonly place: string;
  readonly run: string;
  readonly job: string;
  readonly passed: boolean;
  readonly required: readonly string[];
  readonly passedTests: readonly string[];
  readonly finishedAt: string;
  readonly signedBy: string;
  /** SHA-256 of the statement's file. */
  readonly statement: string;
  /** Absolute path of its folder. */
  readonly folder: string;
}

export interface JudgedVerdicts {
  /** Good ones, oldest first. */
  readonly good: readonly Verdict[];
  /** Why each of the others does not count, one line each. */
  readonly ignored: readonly string[];
}

/** All verdicts of a bundle, or of one place, judged by their signatures and digests. */
export async function judgeVerdicts(
  context: Context,
  bundle: string,
  core: MeasuredCore,
  policy: Policy,
  place?: string,
): Promise<JudgedVerdicts> {
  const good: Verdict[] = [];
  const ignored: string[] = [];
  for (const folder of await listStatements(bundle, {
    kind: 'verdict',
    ...(place === undefined ? {} : { place }),
  })) {
    try {
      good.push(await judgeVerdict(context, folder, core, policy));
    } catch (error) {
      // One that cannot be read, or that a newer release signed, could be the failure that counts.
      if (!(error instanceof TrustError)) throw error;
      ignored.push(error.message);
    }
  }
  good.sort(byTime);
  return { good, ignored };
}

/** Of two that ended in the same moment the failed one counts as the later. */
function byTime(a: Verdict, b: Verdict): number {
  return Date.parse(a.finishedAt) - Date.parse(b.finishedAt) || Number(b.passed) - Number(a.passed);
}

/**
 * The verdict that opens the gate of a place: of those that cover all required checks the latest counts, and
 * it must be a pass. A failure counts whatever it covers, when it is later.
 * @throws TrustError when there is none
 */
export async function acceptedVerdict(
  context: Context,
  bundle: string,
  core: MeasuredCore,
  policy: Policy,
  wanted: { place: string; checks: readonly string[] },
): Promise<Verdict> {
  const { good, ignored } = await judgeVerdicts(context, bundle, core, policy, wanted.place);
  const covers = (verdict: Verdict) => wanted.checks.every(name => verdict.required.includes(name));
  const counting = good.filter(verdict => covers(verdict) || !verdict.passed);
  const latest = counting.at(-1);
  const name = `${core.manifest.image} ${core.manifest.version}`;
  if (latest === undefined) {
    const why =
      ignored[0] ?? (good.length > 0 ? 'those that are there require fewer checks' : 'there is none');
    throw new TrustError(`${name} has no accepted verdict for ${wanted.place}: ${why}`, {
      advice: 'verify it there first',
    });
  }
  const missing = wanted.checks.filter(check => !latest.passedTests.includes(check));
  if (latest.passed && missing.length === 0) return latest;
  throw new TrustError(`the latest verdict on ${name} for ${wanted.place} says failed (run ${latest.run})`, {
    advice: 'see its report; a later pass of the same checks would count',
  });
}

async function judgeVerdict(
  context: Context,
  { folder, place, run, files }: StatementFolder,
  core: MeasuredCore,
  policy: Policy,
): Promise<Verdict> {
  const what = `the verdict ${run} for ${place}`;
  const text = await readText(join(folder, STATEMENT));
  const envelope = readEnvelope(text, what);
  const running = runningDigest(preAuthenticationEncoding(envelope.payloadType, envelope.payload));
  const reasons: string[] = [];
  let signedBy: string | undefined;
  for (const { sig } of envelope.signatures) {
    const judged = await judgeSignature(policy, 'verify', running, sig, context.now());
    if (judged.kind === 'good') signedBy ??= judged.fingerprint;
    else reasons.push(judged.reason);
  }
  if (signedBy === undefined) throw new TrustError(`${what} ${reasons[0]}`);
  const statement = parseVerdict(envelope.payload, what);
  assertSameCore(statement, core, what);
  const told = statement.predicate.imageFactory;
  if (told.place !== place || told.run !== run)
    throw new TrustError(`${what} was copied from another place or run`);
  await assertReports(folder, files, told.reports, what);
  return {
    ...{ place, run, signedBy, folder },
    job: statement.predicate.url,
    passed: statement.predicate.result === 'PASSED',
    required: told.required,
    passedTests: statement.predicate.passedTests,
    finishedAt: told.finishedAt,
    statement: sha256Hex(text),
  };
}

/** Nobody has vouched for an envelope yet: a malformed one is no verdict, and no mistake of the user. */
function readEnvelope(text: string, what: string): Envelope {
  try {
    return parseEnvelope(text, what);
  } catch (cause) {
    if (cause instanceof DefinitionError) throw new TrustError(cause.message, { cause });
    throw cause;
  }
}

/** The statement must name the digests that were computed now, not those a file in the bundle tells. */
function assertSameCore(statement: VerdictStatement, core: MeasuredCore, what: string): void {
  const { manifest, coreDigest } = core;
  const told = statement.predicate.imageFactory;
  const subject = (name: string) => statement.subject.find(each => each.name === name)?.digest;
  const same =
    told.image === manifest.image &&
    told.version === manifest.version &&
    told.coreDigest === coreDigest &&
    subject(CORE_SUBJECT)?.sha256 === coreDigest &&
    told.diskDigest === manifest.diskDigest &&
    subject(DISK_SUBJECT)?.sha256 === manifest.diskDigest &&
    manifest.files.every(file => {
      const digest = subject(file.path);
      return digest?.sha256 === file.sha256 && digest.sha512 === file.sha512;
    });
  if (!same) throw new TrustError(`${what} is about another build`);
}

async function assertReports(
  folder: string,
  files: readonly string[],
  reports: readonly { name: string; sha256: string }[],
  what: string,
): Promise<void> {
  const told = new Map(reports.map(each => [each.name, each.sha256]));
  for (const name of files.filter(each => each !== STATEMENT)) {
    const digest = sha256Hex(await readBytes(join(folder, name)));
    if (told.get(name) !== digest) throw new TrustError(`${what}: ${name} beside it was changed`);
    told.delete(name);
  }
  const [missing] = told.keys();
  if (missing !== undefined) throw new TrustError(`${what}: ${missing} is not beside it`);
}
