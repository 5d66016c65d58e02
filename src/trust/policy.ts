import { dirname, join } from 'node:path';
import type { PublicKey } from 'openpgp';
import { exists } from '../bundle/files.ts';
import type { Factory, Role } from '../definition/types.ts';
import { TrustError } from '../host/errors.ts';
import { fingerprintOf, isLocalTestKey, readPublicKeyFile, readPublicKeys } from './keys.ts';
import { localTestKeyFiles } from './signing-key.ts';

/** Who may do what; it comes from the one who asks, never from a bundle. */
export interface Policy {
  /** Fingerprints of primary keys (40 hex digits, upper case) by role. */
  readonly roles: Readonly<Record<Role, readonly string[]>>;
  /** Public keys that signatures are judged with; those without a role serve for better messages only. */
  readonly keys: readonly PublicKey[];
  /** Fingerprint of the local test key when it may verify and release; layers it never may. */
  readonly localTestKey?: string;
  /** Fingerprints that may both pass a verdict and release. */
  readonly bothRoles: readonly string[];
}

/**
 * The policy of a factory: its fingerprints, and the public keys in the folder `keys` beside its file. A
 * factory that names no fingerprint accepts the local test key, where that is allowed.
 * @param localTestKeyDirectory the user's state directory; undefined: the local test key is not accepted
 * @throws TrustError when a key that is named is not there, or when nobody could be trusted
 */
export async function loadPolicy(
  factory: Pick<Factory, 'file' | 'signing'>,
  localTestKeyDirectory: string | undefined,
): Promise<Policy> {
  const { verify, release } = factory.signing.fingerprints;
  return verify.length === 0 && release.length === 0
    ? localPolicy(localTestKeyDirectory)
    : namedPolicy(factory);
}

/**
 * The policy of those alone whom the factory names: the local test key is good for nothing.
 * @throws TrustError when a key that is named is not there
 */
export async function namedPolicy(factory: Pick<Factory, 'file' | 'signing'>): Promise<Policy> {
  const folder = join(dirname(factory.file), 'keys');
  return createPolicy(factory.signing.fingerprints, await readPublicKeys(folder), folder);
}

/**
 * @param folder where the keys come from, for messages
 * @throws TrustError when a key that is named is not among those given, is a local test key, or signs layers and
 *   something else
 */
export function createPolicy(
  named: Readonly<Record<Role, readonly string[]>>,
  keys: readonly PublicKey[],
  folder: string,
): Policy {
  const roles = {
    verify: named.verify.map(plain),
    release: named.release.map(plain),
    layers: named.layers.map(plain),
  };
  for (const fingerprint of new Set(Object.values(roles).flat())) assertKnown(fingerprint, keys, folder);
  assertLayersOnly(roles);
  return { roles, keys, bothRoles: shared(roles) };
}

async function localPolicy(directory: string | undefined): Promise<Policy> {
  if (directory === undefined) {
    throw new TrustError('no key is trusted here', {
      advice:
        'name fingerprints under signing in the factory file; the local test key is not accepted for this',
    });
  }
  const { publicKey } = localTestKeyFiles(directory);
  const keys = (await exists(publicKey)) ? await readPublicKeyFile(publicKey) : [];
  const [localTestKey] = keys.map(fingerprintOf);
  if (localTestKey === undefined) {
    throw new TrustError(
      'no key is trusted here: the factory file names none, and there is no local test key',
      {
        advice:
          'name fingerprints under signing in the factory file, or let `image-factory run` make the key',
      },
    );
  }
  const roles = { verify: [localTestKey], release: [localTestKey], layers: [] };
  return { roles, keys, localTestKey, bothRoles: shared(roles) };
}

/** Fingerprints may be written in groups, as gpg prints them. */
function plain(fingerprint: string): string {
  return fingerprint.replace(/\s/g, '').toUpperCase();
}

function shared(roles: Readonly<Record<Role, readonly string[]>>): string[] {
  return roles.verify.filter(fingerprint => roles.release.includes(fingerprint));
}

/** A release key signs files of a bundle as they are, and a build could have one that reads as a list of layers. */
function assertLayersOnly({ verify, release, layers }: Policy['roles']): void {
  const both = layers.find(fingerprint => verify.includes(fingerprint) || release.includes(fingerprint));
  if (both === undefined) return;
  throw new TrustError(`the factory file lets ${both} sign layers, and verdicts or releases too`, {
    advice: 'give signing.layers a key of its own',
  });
}

function assertKnown(fingerprint: string, keys: readonly PublicKey[], folder: string): void {
  const key = keys.find(each => fingerprintOf(each) === fingerprint);
  if (key !== undefined && !isLocalTestKey(key)) return;
  if (key !== undefined) {
    throw new TrustError(`the factory file names ${fingerprint}, which is a local test key`, {
      advice: 'make a key for publication, for example with gpg --quick-generate-key',
    });
  }
  const owner = keys.find(each =>
    each.subkeys.some(sub => sub.getFingerprint().toUpperCase() === fingerprint),
  );
  if (owner !== undefined) {
    throw new TrustError(`the factory file names ${fingerprint}, which is a subkey`, {
      advice: `name its primary key, ${fingerprintOf(owner)}`,
    });
  }
  throw new TrustError(`there is no public key for ${fingerprint} in ${folder}`, {
    advice: `gpg --armor --export ${fingerprint} > ${join(folder, 'NAME.asc')}`,
  });
}
