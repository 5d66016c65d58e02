import { type MeasuredCore, measureCore } from '../bundle/core.ts';
import { runningDigest } from '../bundle/digest.ts';
import type { Factory, Role } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { places } from '../host/places.ts';
import { sealTexts } from '../sign/seal.ts';
import { verifyBundle } from '../trust/bundle.ts';
import { judgeSignature } from '../trust/judge.ts';
import { loadPolicy, namedPolicy, type Policy } from '../trust/policy.ts';
import { loadSigningKey, type SigningKey } from '../trust/signing-key.ts';
import { acceptedVerdict, NotAcceptedError } from '../trust/verdicts.ts';
import { requiredChecks } from '../verify/choose.ts';
import { quarantineOf } from './definition.ts';
import { placeKind } from './places.ts';
import type { TrustedBundle } from './promote.ts';
import type { KeyRequest } from './types.ts';

export interface JudgedBundle extends TrustedBundle {
  readonly core: MeasuredCore;
  readonly policy: Policy;
  /** Fingerprint of the key that sealed the core; empty when it is not sealed and need not be. */
  readonly signedBy: string;
  /**
   * True when the latest verdict of the place that covers these checks is a signed pass.
   * @throws TrustError when a statement there cannot be verified: another verdict would not help
   */
  isAccepted(place: string, checks: readonly string[]): Promise<boolean>;
}

/** The policy of the one who asks: the factory's fingerprints, or the local test key where it names none. */
export function policyOf(context: Context, factory: Factory): Promise<Policy> {
  return loadPolicy(factory, localKeyDirectory(context, factory));
}

/**
 * Loads the key for a role: the one that is given, else the factory's, else the local test key where the
 * factory names no fingerprints; that one signs no layers.
 * @throws TrustError when the factory gives the key another role or none, or has it as expired or revoked
 */
export async function keyFor(
  context: Context,
  factory: Factory,
  request: KeyRequest,
  role: Role,
): Promise<SigningKey> {
  const signingKey = request.signingKey ?? factory.signing.key;
  const source = {
    ...(signingKey === undefined ? {} : { signingKey }),
    ...(request.passphrase === undefined ? {} : { passphrase: request.passphrase }),
  };
  const ofLayers = role === 'layers';
  const key = await loadSigningKey(
    source,
    context,
    ofLayers ? undefined : localKeyDirectory(context, factory),
  );
  const policy = ofLayers ? await namedPolicy(factory) : await policyOf(context, factory);
  await assertBelieved(context, policy, key, role, factory.file);
  return key;
}

/**
 * A signature on trial, judged as a later reader will judge the real ones: the secret key does not know that
 * its public half in keys/ was revoked, or lacks the subkey that signs.
 */
async function assertBelieved(
  context: Context,
  policy: Policy,
  key: SigningKey,
  role: Role,
  file: string,
): Promise<void> {
  if (!policy.roles[role].includes(key.fingerprint)) {
    throw new TrustError(`the signing key ${key.fingerprint} has no ${role} role in ${file}`, {
      advice: `name it under signing.${role}, or sign with a key that is there`,
    });
  }
  const trial = runningDigest(Buffer.from('image-factory: a trial of a signing key'));
  const judged = await judgeSignature(policy, role, trial, await key.signDigest(trial), context.now());
  if (judged.kind === 'good') return;
  throw new TrustError(
    `nobody would believe the signing key ${key.fingerprint}: its trial ${judged.reason}`,
    {
      advice: 'export its public half into keys/ again, or sign with another key',
    },
  );
}

function localKeyDirectory(context: Context, { signing }: Factory): string | undefined {
  const { verify, release } = signing.fingerprints;
  return verify.length === 0 && release.length === 0 ? places(context).state : undefined;
}

/**
 * Reads every byte of a bundle and judges it by the factory's policy.
 * @param options.signed whether the core must be sealed already
 * @throws TrustError when it is not what was signed
 */
export async function trustBundle(
  context: Context,
  bundle: string,
  factory: Factory,
  options: { signed: boolean } = { signed: true },
): Promise<JudgedBundle> {
  const policy = await policyOf(context, factory);
  const sealed = options.signed ? await verifyBundle(context, bundle, policy, sealTexts) : undefined;
  const core: MeasuredCore = sealed ?? (await measureCore(context, bundle));
  const accepted = async (place: string, checks: readonly string[]) => {
    const quarantine = quarantineOf(factory, core.manifest.image);
    const asked = { place: placeKind(place), checks, quarantine };
    const required = requiredChecks(asked, context.now());
    return acceptedVerdict(context, bundle, core, policy, { place, checks: required });
  };
  return {
    core,
    policy,
    manifest: core.manifest,
    coreDigest: core.coreDigest,
    files: core.manifest.files,
    signedBy: sealed?.signedBy ?? '',
    accepted,
    isAccepted: (place, checks) => accepted(place, checks).then(() => true, onlyNotAccepted),
  };
}

function onlyNotAccepted(error: unknown): false {
  if (error instanceof NotAcceptedError) return false;
  throw error;
}
