import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type PublicKey, readKeys } from 'openpgp';
import { codeOf, readText } from '../bundle/files.ts';
import { HostError, TrustError } from '../host/errors.ts';

/** The user id of a key that `run` makes for itself; whoever reads it knows what the key is worth. */
export const LOCAL_TEST_KEY = {
  name: 'image-factory local test key',
  comment: 'not for publication',
} as const;

/** Fingerprint of the primary key, 40 hex digits, upper case: what a policy names. */
export function fingerprintOf(key: PublicKey): string {
  return key.getFingerprint().toUpperCase();
}

export function isLocalTestKey(key: PublicKey): boolean {
  return key.getUserIDs().some(userId => userId.includes(LOCAL_TEST_KEY.name));
}

/**
 * The public keys in a folder's *.asc files; a folder that is not there has none. Two copies of one key are
 * merged, so that a revocation in either counts.
 * @throws TrustError when a file is no armored public key
 */
export async function readPublicKeys(folder: string): Promise<PublicKey[]> {
  const names = await readdir(folder).catch(error => {
    if (codeOf(error) === 'ENOENT') return [];
    throw new HostError(`cannot read ${folder} (${codeOf(error)})`, { cause: error });
  });
  const files = names.filter(name => name.endsWith('.asc')).sort();
  const keys = await Promise.all(files.map(name => readPublicKeyFile(join(folder, name))));
  return mergeKeys(keys.flat());
}

/** @throws TrustError when the file holds no armored public key, or a secret one */
export async function readPublicKeyFile(path: string): Promise<PublicKey[]> {
  const armoredKeys = await readText(path);
  let keys: PublicKey[];
  try {
    keys = await readKeys({ armoredKeys });
  } catch (cause) {
    throw new TrustError(`${path} is not an armored OpenPGP public key`, {
      advice: 'gpg --armor --export FINGERPRINT writes one',
      cause,
    });
  }
  if (!keys.some(key => key.isPrivate())) return keys;
  throw new TrustError(`${path} holds a secret key`, {
    advice: 'remove it from there, revoke it if others could read it, and export the public half alone',
  });
}

async function mergeKeys(keys: readonly PublicKey[]): Promise<PublicKey[]> {
  const merged = new Map<string, PublicKey>();
  for (const key of keys) {
    const known = merged.get(fingerprintOf(key));
    merged.set(fingerprintOf(key), known === undefined ? key : await known.update(key));
  }
  return [...merged.values()];
}
