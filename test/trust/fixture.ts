import { generateKey, type PublicKey, readKey } from 'openpgp';
import { type Context, createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';
import { createPolicy, type Policy } from '../../src/trust/policy.ts';
import { loadSigningKey, type SigningKey } from '../../src/trust/signing-key.ts';

export interface Hand {
  /** Armored, not locked. */
  readonly secret: string;
  readonly key: PublicKey;
  readonly signing: SigningKey;
}

/** A key of the kind that gpg makes for ed25519; two of one name differ in nothing that people read. */
export async function makeHand(name: string): Promise<Hand> {
  const userIDs = [{ name, email: `${name}@cloud.example` }];
  const { privateKey, publicKey } = await generateKey({
    ...{ type: 'ecc', curve: 'ed25519Legacy', format: 'armored' },
    ...{ userIDs, subkeys: [] },
  });
  const signing = await loadSigningKey({ signingKey: privateKey }, createContext(), undefined);
  return { secret: privateKey, key: await readKey({ armoredKey: publicKey }), signing };
}

/** The strangers' public keys are at hand too: having a key must never be the same as trusting it. */
export function policyOf(verify: Hand, release: Hand, ...others: readonly Hand[]): Policy {
  const keys = [verify, release, ...others].map(hand => hand.key);
  const named = { verify: [verify.signing.fingerprint], release: [release.signing.fingerprint] };
  return createPolicy({ ...named, layers: [] }, keys, 'keys');
}

/** A context that remembers all that was logged, and what was told to be secret. */
export function recorder(overrides: Partial<Context> = {}) {
  const said: string[] = [];
  const secrets: string[] = [];
  const say = (line: string) => void said.push(line);
  const log = { ...silentLog, info: say, warn: say, error: say, debug: say };
  const context = createContext({
    ...overrides,
    log: { ...log, secret: value => void secrets.push(value) },
  });
  return { context, said, secrets };
}
