import type { PublicKey, SignaturePacket } from 'openpgp';
import type { RunningDigest } from '../bundle/digest.ts';
import type { Role } from '../definition/types.ts';
import { fingerprintOf } from './keys.ts';
import type { Policy } from './policy.ts';
import { issuers, readPackets, verifyPacket } from './signature.ts';

/**
 * What a signature is worth under a policy. Made over these bytes: `good` by a key of the role that is valid
 * now, `lapsed` by a key of the role that is expired or revoked, `foreign` by a key without the role. Nobody
 * can say whether it was: `unknown`, by a key that is not at hand. Not made over them: `bad`.
 */
export type Judgement =
  | { readonly kind: 'good'; readonly fingerprint: string }
  | { readonly kind: 'lapsed' | 'foreign'; readonly fingerprint: string; readonly reason: string }
  | { readonly kind: 'unknown' | 'bad'; readonly reason: string };

/**
 * @param signature armored text or binary; it must hold exactly one signature
 * @param now when the key must be valid, whenever it says it signed: a date in a signature is the signer's
 *   own word, so an expired key could always claim to be early
 */
export async function judgeSignature(
  policy: Policy,
  role: Role,
  running: RunningDigest,
  signature: string | Uint8Array,
  now: Date,
): Promise<Judgement> {
  const packet = await onlyPacket(signature);
  if (packet === undefined) return { kind: 'bad', reason: 'is not one OpenPGP signature' };
  const keys = policy.keys.filter(key => issuers(packet, key).length > 0);
  const judged: Judgement[] = [];
  for (const key of keys) judged.push(await judgeByKey(policy, role, running, packet, key, now));
  // Two keys may share a key id, by chance or by design.
  if (judged.length > 0) return bestOf(judged);
  const issuer = packet.issuerKeyID.toHex().toUpperCase();
  return { kind: 'unknown', reason: `is signed by an unknown key, ${issuer}` };
}

const RANK: readonly Judgement['kind'][] = ['good', 'lapsed', 'foreign', 'unknown', 'bad'];

/** The one that is worth most of several, of which there is one at least. */
export function bestOf(judged: readonly Judgement[]): Judgement {
  return judged.reduce((a, b) => (RANK.indexOf(b.kind) < RANK.indexOf(a.kind) ? b : a));
}

async function onlyPacket(signature: string | Uint8Array): Promise<SignaturePacket | undefined> {
  const packets = await readPackets(signature).catch(() => []);
  return packets.length === 1 ? packets[0] : undefined;
}

async function judgeByKey(
  policy: Policy,
  role: Role,
  running: RunningDigest,
  packet: SignaturePacket,
  key: PublicKey,
  now: Date,
): Promise<Judgement> {
  const fingerprint = fingerprintOf(key);
  const forged = await forgery(packet, key, running, now);
  if (forged !== undefined) return { kind: 'bad', reason: forged };
  if (!policy.roles[role].includes(fingerprint)) {
    const reason = `is signed by ${fingerprint}, which has no ${role} role here`;
    return { kind: 'foreign', fingerprint, reason };
  }
  const invalid = await invalidity(packet, key, now);
  if (invalid === undefined) return { kind: 'good', fingerprint };
  const reason = `is signed by ${fingerprint}, a key that is not valid: ${invalid}`;
  return { kind: 'lapsed', fingerprint, reason };
}

/** Why the packet is not that key's signature over the data. */
async function forgery(
  packet: SignaturePacket,
  key: PublicKey,
  running: RunningDigest,
  now: Date,
): Promise<string | undefined> {
  const [issuer] = issuers(packet, key);
  if (issuer === undefined) return 'is not by that key';
  return verifyPacket(packet, issuer, running, now).then(
    () => undefined,
    error => `does not match: ${lowerFirst(error)}`,
  );
}

/** Why the key may not sign: expired, revoked, not made for signing, too weak. */
async function invalidity(packet: SignaturePacket, key: PublicKey, now: Date): Promise<string | undefined> {
  return key.getSigningKey(packet.issuerKeyID, now).then(() => undefined, lowerFirst);
}

function lowerFirst(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.charAt(0).toLowerCase() + message.slice(1);
}
