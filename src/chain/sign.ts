import { resolve } from 'node:path';
import type { Context } from '../host/context.ts';
import { sealCore } from '../sign/seal.ts';
import { readDefinition } from './definition.ts';
import { keyFor, policyOf } from './trust.ts';
import type { SignRequest, SignResult } from './types.ts';

/**
 * Seals a bundle's core. Files are opaque bytes here; no element of the build runs where this runs.
 * @throws TrustError when the key must not sign, or the core is sealed for other bytes or by another key
 */
export async function sign(context: Context, request: SignRequest): Promise<SignResult> {
  const { factory } = await readDefinition(context, request.factory);
  const sealed = await sealCore(
    context,
    resolve(request.bundle),
    () => policyOf(context, factory),
    () => keyFor(context, factory, request, 'release'),
  );
  const { key, coreDigest } = sealed;
  const { bothRoles } = await policyOf(context, factory);
  if (!key.localTestKey && bothRoles.includes(key.fingerprint)) {
    context.log.warn(
      `one key for both roles: ${key.fingerprint} may pass verdicts and release; give each role its own`,
    );
  }
  return {
    fingerprint: key.fingerprint,
    localTestKey: key.localTestKey,
    coreDigest,
    signatures: sealed.signatures.map(path => `core/${path}`),
  };
}
