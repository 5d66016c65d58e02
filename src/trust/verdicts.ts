import { join } from 'node:path';
import type { MeasuredCore } from '../bundle/core.ts';
import { runningDigest, sha256Hex } from '../bundle/digest.ts';
import { type Envelope, parseEnvelope, preAuthenticationEncoding } from '../bundle/dsse.ts';
import { readBytes, readText } from '../bundle/files.ts';
import { listStatements, STATEMENT, type StatementFolder } from '../bundle/statements.ts';
import type { ImageFile } from '../bundle/types.ts';
import { CORE_SUBJECT, DISK_SUBJECT, parseVerdict, type VerdictStatement } from '../bundle/verdict.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, TrustError } from '../host/errors.ts';
import { bestOf, type Judgement, judgeSignature } from './judge.ts';
import type { Policy } from './policy.ts';

/** No verdict accepts the image in a place, and none says that something is foul: it may be verified there still. */
export class NotAcceptedError extends TrustError {}

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
  /** The one file that was booted. */
  readonly bootedFile: BootedFile;
  /** SHA-256 of the statement's file. */
  readonly statement: string;
  /** Absolute path of its folder. */
  readonly folder: string;
}

export type BootedFile = VerdictStatement['predicate']['imageFactory']['bootedFile'];

export interface JudgedVerdicts {
  /**
   * Those that count, oldest first. A failure needs less trust than a pass: one by a verifier whose key has
   * expired or was revoked since is among them.
   */
  readonly good: readonly Verdict[];
  /** Genuine, but by somebody whose word does not count here: why, one line each. */
  readonly ignored: readonly string[];
  /** What nobody can tell the truth of: damaged, from elsewhere, or signed by a key that is not at hand. */
  readonly unverifiable: readonly TrustError[];
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
  const unverifiable: TrustError[] = [];
  for (const folder of await listStatements(bundle, {
    kind: 'verdict',
    ...(place === undefined ? {} : { place }),
  })) {
    try {
      const judged = await judgeVerdict(context, folder, core, policy);
      if (typeof judged === 'string') ignored.push(judged);
      else good.push(judged);
    } catch (error) {
      // One that cannot be read, or that a newer release signed, is no matter of trust.
      if (!(error instanceof TrustError)) throw error;
      unverifiable.push(error);
    }
  }
  good.sort(byTime);
  return { good, ignored, unverifiable };
}

/** Of two that ended in the same moment the failed one counts as the later. */
function byTime(a: Verdict, b: Verdict): number {
  return Date.parse(a.finishedAt) - Date.parse(b.finishedAt) || Number(b.passed) - Number(a.passed);
}

/**
 * The verdict that opens the gate of a place: of those that cover all required checks the latest counts, and
 * it must be a pass. A failure counts whatever it covers, when it is later. A statement that cannot be
 * verified may be a failure that somebody damaged, so it shuts the gate.
 * @throws NotAcceptedError when there is none, TrustError when a statement cannot be verified
 */
export async function acceptedVerdict(
  context: Context,
  bundle: string,
  core: MeasuredCore,
  policy: Policy,
  wanted: { place: string; checks: readonly string[] },
): Promise<Verdict> {
  const { good, ignored, unverifiable } = await judgeVerdicts(context, bundle, core, policy, wanted.place);
  const name = `${core.manifest.image} ${core.manifest.version}`;
  const [doubtful] = unverifiable;
  if (doubtful !== undefined) {
    const advice = doubtful.advice ?? DAMAGED;
    throw new TrustError(`${name} is not accepted for ${wanted.place}: ${doubtful.message}`, { advice });
  }
  const covers = (verdict: Verdict) => wanted.checks.every(check => verdict.required.includes(check));
  const latest = good.filter(verdict => covers(verdict) || !verdict.passed).at(-1);
  if (latest === undefined) {
    const why =
      ignored[0] ?? (good.length > 0 ? 'those that are there require fewer checks' : 'there is none');
    throw new NotAcceptedError(`${name} has no accepted verdict for ${wanted.place}: ${why}`, {
      advice: 'verify it there first',
    });
  }
  assertPassed(latest, wanted.checks, `the latest verdict on ${name} for ${wanted.place}`);
  return latest;
}

/** A check that did not apply, or only warned, has not passed. */
function assertPassed(verdict: Verdict, checks: readonly string[], what: string): void {
  const advice = 'see its report; a later pass of the same checks would count';
  if (!verdict.passed) throw new NotAcceptedError(`${what} says failed (run ${verdict.run})`, { advice });
  const missing = checks.filter(check => !verdict.passedTests.includes(check));
  if (missing.length === 0) return;
  throw new NotAcceptedError(`${what} has no pass of ${missing.join(', ')} (run ${verdict.run})`, { advice });
}

const DAMAGED =
  'it could be a failure that somebody damaged: copy the bundle again from where it was verified, or find out who wrote it and take its folder away';
const UNKNOWN = 'if you know whose key it is, put its public half into keys/; there it needs no role';

/** @returns the verdict, or why a genuine one does not count */
async function judgeVerdict(
  context: Context,
  { folder, place, run, files }: StatementFolder,
  core: MeasuredCore,
  policy: Policy,
): Promise<Verdict | string> {
  const what = `the verdict ${run} for ${place}`;
  const text = await readText(join(folder, STATEMENT));
  const envelope = readEnvelope(text, what);
  const signer = await judgeEnvelope(context, envelope, policy, what);
  if (signer.kind === 'foreign') return `${what} ${signer.reason}`;
  const statement = parseVerdict(envelope.payload, what);
  assertSameCore(statement, core, what);
  const { predicate } = statement;
  const told = predicate.imageFactory;
  if (told.place !== place || told.run !== run)
    throw new TrustError(`${what} was copied from another place or run`);
  await assertReports(folder, files, told.reports, what);
  const passed = predicate.result === 'PASSED' && predicate.failedTests.length === 0;
  if (signer.kind === 'lapsed' && passed) return `${what} ${signer.reason}`;
  return {
    ...{ place, run, passed, folder },
    job: predicate.url,
    required: told.required,
    passedTests: predicate.passedTests,
    finishedAt: told.finishedAt,
    signedBy: signer.fingerprint,
    bootedFile: told.bootedFile,
    statement: sha256Hex(text),
  };
}

type Signer = Extract<Judgement, { fingerprint: string }>;

/**
 * The best of its signatures counts; others beside it take nothing away.
 * @throws TrustError when none of them is known to be genuine
 */
async function judgeEnvelope(
  context: Context,
  { payloadType, payload, signatures }: Envelope,
  policy: Policy,
  what: string,
): Promise<Signer> {
  const running = runningDigest(preAuthenticationEncoding(payloadType, payload));
  const judged: Judgement[] = [];
  for (const { sig } of signatures) {
    judged.push(await judgeSignature(policy, 'verify', running, sig, context.now()));
  }
  const best = bestOf(judged);
  if ('fingerprint' in best) return best;
  throw new TrustError(`${what} ${best.reason}`, best.kind === 'unknown' ? { advice: UNKNOWN } : {});
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
    manifest.files.some(file => isSameFile(file, told.bootedFile)) &&
    subject(DISK_SUBJECT)?.sha256 === manifest.diskDigest &&
    manifest.files.every(file => {
      const digest = subject(file.path);
      return digest?.sha256 === file.sha256 && digest.sha512 === file.sha512;
    });
  if (!same) throw new TrustError(`${what} is about another build`);
}

function isSameFile(file: ImageFile, told: BootedFile) {
  return file.path === told.path && file.sha256 === told.sha256 && file.sha512 === told.sha512;
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
