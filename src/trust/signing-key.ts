import { link, lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AnyKeyPacket,
  enums,
  generateKey,
  type KeyID,
  type PrivateKey,
  readPrivateKey,
  type SecretKeyPacket,
  type SecretSubkeyPacket,
} from 'openpgp';
import type { RunningDigest } from '../bundle/digest.ts';
import { codeOf, exists, readText, writeNew } from '../bundle/files.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, HostError, TrustError } from '../host/errors.ts';
import { fingerprintOf, isLocalTestKey, LOCAL_TEST_KEY } from './keys.ts';
import { signDigest } from './signature.ts';

/** Where a key comes from: `KeyRequest` of the chain without the rest. */
export interface KeySource {
  readonly signingKey?: string;
  readonly passphrase?: string;
}

/** A key that can sign; the secret stays inside. */
export interface SigningKey {
  /** Of the primary key, 40 hex digits, upper case. */
  readonly fingerprint: string;
  readonly localTestKey: boolean;
  /** The public half, armored. */
  readonly publicKey: string;
  /** A binary detached signature with SHA-512 over the digested data, dated now. */
  signDigest(running: RunningDigest): Promise<Buffer>;
}

type SecretPacket = SecretKeyPacket | SecretSubkeyPacket;

/** New types of RFC 9580 that gpg 2.2, which customers have, cannot read. */
const UNREADABLE: readonly number[] = [enums.publicKey.ed25519, enums.publicKey.ed448];

const MAKE_ONE = 'gpg --quick-generate-key NAME ed25519 sign makes one that every gpg can check';

/**
 * Loads the key to sign with. Call it when all that is to be signed is known, so that the secret is in
 * memory for as short a time as possible.
 * @param source.signingKey `env:NAME`, `file:PATH` or the armored key; absent: the local test key
 * @param source.passphrase `env:NAME` or `file:PATH`
 * @param localTestKeyDirectory the user's state directory, where the local test key is made on first use;
 *   undefined: there has to be a signing key
 * @throws DefinitionError when it is not there, TrustError when it cannot or must not sign
 */
export async function loadSigningKey(
  source: KeySource,
  context: Context,
  localTestKeyDirectory: string | undefined,
): Promise<SigningKey> {
  if (source.signingKey !== undefined) return loadGivenKey(source.signingKey, source.passphrase, context);
  if (localTestKeyDirectory !== undefined) return loadLocalTestKey(context, localTestKeyDirectory);
  throw new DefinitionError('there is no signing key', {
    advice: 'give signing-key as env:NAME or file:PATH, or name it under signing in the factory file',
  });
}

async function loadGivenKey(
  signingKey: string,
  passphrase: string | undefined,
  context: Context,
): Promise<SigningKey> {
  const armored = signingKey.trimStart().startsWith('-----BEGIN PGP')
    ? signingKey
    : await secretFrom(signingKey, 'signing-key', context);
  context.log.secret(armored);
  const unlock = passphrase === undefined ? undefined : await secretFrom(passphrase, 'passphrase', context);
  if (unlock !== undefined && unlock !== '') context.log.secret(unlock);
  return toSigningKey(await parseSecretKey(armored), unlock, context);
}

/** Never shows the value: somebody may have put the secret itself where its name belongs. */
async function secretFrom(reference: string, input: string, context: Context): Promise<string> {
  const [, scheme, name = ''] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  if (scheme === undefined) {
    context.log.secret(reference);
    throw new DefinitionError(`${input} is neither env:NAME nor file:PATH`);
  }
  if (scheme === 'file') return readSecretFile(name, input);
  const value = context.env[name];
  if (value !== undefined && value !== '') return value;
  throw new DefinitionError(`${input}: the environment variable ${name} is not set`);
}

async function readSecretFile(path: string, input: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new DefinitionError(`${input}: cannot read ${path} (${codeOf(cause)})`, { cause });
  }
}

/** No cause is kept: it could quote the key. */
async function parseSecretKey(armoredKey: string): Promise<PrivateKey> {
  const key = await readPrivateKey({ armoredKey }).catch(() => undefined);
  if (key !== undefined) return key;
  throw new TrustError('the signing key is not an armored OpenPGP secret key', {
    advice: 'gpg --armor --export-secret-keys FINGERPRINT writes one',
  });
}

async function toSigningKey(
  key: PrivateKey,
  passphrase: string | undefined,
  context: Pick<Context, 'now'>,
): Promise<SigningKey> {
  const fingerprint = fingerprintOf(key);
  const packet = await signingPacket(key, fingerprint, context.now());
  if (packet.version !== 4 || UNREADABLE.includes(packet.algorithm)) {
    throw new TrustError(`the signing key ${fingerprint} is of a kind that gpg 2.2 cannot check`, {
      advice: MAKE_ONE,
    });
  }
  await unlock(packet, fingerprint, passphrase);
  return {
    fingerprint,
    localTestKey: isLocalTestKey(key),
    publicKey: key.toPublic().armor(),
    signDigest: running => signDigest(packet, running, context.now()),
  };
}

/** The newest signing subkey whose secret is there, else the primary key. */
async function signingPacket(key: PrivateKey, fingerprint: string, now: Date): Promise<SecretPacket> {
  let reason: unknown;
  for (const id of [undefined, ...key.getKeyIDs()]) {
    try {
      const { keyPacket } = await key.getSigningKey(id as KeyID | undefined, now);
      if (isSecret(keyPacket) && !keyPacket.isDummy()) return keyPacket;
      reason ??= 'its secret part was left out of the export';
    } catch (error) {
      reason ??= error instanceof Error ? error.message : error;
    }
  }
  throw new TrustError(`the signing key ${fingerprint} cannot sign: ${reason}`, { advice: MAKE_ONE });
}

function isSecret(packet: AnyKeyPacket): packet is SecretPacket {
  return 'privateParams' in packet;
}

async function unlock(
  packet: SecretPacket,
  fingerprint: string,
  passphrase: string | undefined,
): Promise<void> {
  if (!packet.isDecrypted()) {
    if (passphrase === undefined) {
      throw new TrustError(`the signing key ${fingerprint} is locked`, {
        advice: 'give passphrase as env:NAME or file:PATH',
      });
    }
    await packet.decrypt(passphrase).catch(() => {
      throw new TrustError(`the passphrase does not open the signing key ${fingerprint}`);
    });
  }
  await packet.validate().catch(cause => {
    throw new TrustError(`the signing key ${fingerprint} is damaged`, { cause });
  });
}

/** Where the local test key lies: the secret one for its owner alone, the public one for whoever checks. */
export function localTestKeyFiles(directory: string): { secretKey: string; publicKey: string } {
  return {
    secretKey: join(directory, 'local-test-key.asc'),
    publicKey: join(directory, 'local-test-key.public.asc'),
  };
}

async function loadLocalTestKey(context: Context, directory: string): Promise<SigningKey> {
  const { secretKey, publicKey } = localTestKeyFiles(directory);
  if (!(await exists(secretKey))) await makeLocalTestKey(context, directory);
  const found = await lstat(secretKey);
  if (!found.isFile() || (found.mode & 0o077) !== 0) {
    throw new TrustError(`others may read ${secretKey}`, {
      advice: 'remove it and its public half; a new local test key is made',
    });
  }
  const armored = await readText(secretKey);
  context.log.secret(armored);
  const key = await toSigningKey(await parseSecretKey(armored), undefined, context);
  if (!key.localTestKey)
    throw new TrustError(`${secretKey} is not a local test key`, { advice: 'move it away' });
  await publish(publicKey, key.publicKey, context);
  return key;
}

async function makeLocalTestKey(context: Context, directory: string): Promise<void> {
  const { privateKey } = await generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [LOCAL_TEST_KEY],
    subkeys: [],
    date: context.now(),
    format: 'armored',
  });
  context.log.secret(privateKey);
  const { secretKey, publicKey } = localTestKeyFiles(directory);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(publicKey, { force: true });
    await linkNew(secretKey, privateKey, 0o600, context);
  } catch (cause) {
    throw new HostError(`cannot make the local test key in ${directory} (${codeOf(cause)})`, { cause });
  }
  context.log.info(`made a local test key, ${secretKey}; it is good for stores on this machine only`);
}

/** Two processes may make it at once: the first one's key is the key. */
async function linkNew(
  path: string,
  content: string,
  mode: number,
  context: Pick<Context, 'random'>,
): Promise<void> {
  const own = `${path}.${context.random(8).toString('hex')}`;
  try {
    await writeNew(own, content, mode);
    await link(own, path).catch(error => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(own, { force: true });
  }
}

async function publish(path: string, publicKey: string, context: Pick<Context, 'random'>): Promise<void> {
  if (!(await exists(path))) await linkNew(path, publicKey, 0o644, context);
}
