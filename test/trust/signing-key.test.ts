import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runningDigest } from '../../src/bundle/digest.ts';
import { DefinitionError, type FactoryError, TrustError } from '../../src/host/errors.ts';
import { armorSignature } from '../../src/trust/signature.ts';
import { loadSigningKey, localTestKeyFiles } from '../../src/trust/signing-key.ts';
import { makeHand, recorder } from './fixture.ts';
import { type Gnupg, openGnupg } from './gnupg.ts';

const PASSPHRASE = 'correct horse battery staple';
const WRONG = 'incorrect donkey';
const KINDS = ['ed25519', 'rsa4096'] as const;

let gpg: Gnupg;
let folder = '';
const fingerprints: Record<string, string> = {};

beforeAll(async () => {
  gpg = await openGnupg();
  folder = await mkdtemp(join(tmpdir(), 'image-factory-signing-'));
  for (const algorithm of KINDS) {
    const fingerprint = await gpg.makeKey({ name: algorithm, algorithm, passphrase: PASSPHRASE });
    fingerprints[algorithm] = fingerprint;
    await writeFile(path(algorithm), await gpg.exportSecret(fingerprint, PASSPHRASE));
    await writeFile(path(`${algorithm}.public`), await gpg.exportPublic(fingerprint));
  }
  await writeFile(path('passphrase'), `${PASSPHRASE}\n`);
});

afterAll(async () => {
  await gpg.close();
  await rm(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, `${name}.asc`);

function load(signingKey: string | undefined, passphrase?: string, state?: string) {
  const recorded = recorder({ env: { PASS: PASSPHRASE, WRONG, EMPTY: '' } });
  const source = {
    ...(signingKey === undefined ? {} : { signingKey }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  return { ...recorded, key: loadSigningKey(source, recorded.context, state) };
}

describe.each(KINDS)('a locked %s key of gpg', kind => {
  it.each([
    ['a variable', 'env:PASS'],
    ['a file, whose line end is none of it', () => `file:${path('passphrase')}`],
  ] as const)('opens with a passphrase from %s, and gpg calls what it signs good', async (_what, source) => {
    const { key, secrets } = load(`file:${path(kind)}`, typeof source === 'string' ? source : source());
    const signing = await key;
    expect(signing.fingerprint).toBe(fingerprints[kind]);
    expect(signing.localTestKey).toBe(false);
    expect(signing.publicKey).not.toMatch(/PRIVATE/);
    expect(secrets).toEqual(
      expect.arrayContaining([PASSPHRASE, (await readFile(path(kind), 'utf8')).trimEnd()]),
    );
    const data = Buffer.from(`by ${kind}`);
    await writeFile(path('data'), data);
    await writeFile(path('data.sig'), await armorSignature(await signing.signDigest(runningDigest(data))));
    const { stderr } = await gpg.run('--verify', path('data.sig'), path('data'));
    expect(stderr).toMatch(/Good signature/);
  });

  it.each([
    ['a wrong passphrase', 'env:WRONG', TrustError, /the passphrase does not open the signing key/],
    ['no passphrase', undefined, TrustError, /is locked: give passphrase as env:NAME or file:PATH/],
    ['a variable that is not set', 'env:NOT_THERE', DefinitionError, /variable NOT_THERE is not set/],
    ['a variable that is empty', 'env:EMPTY', DefinitionError, /variable EMPTY is not set/],
    ['a file that is not there', 'file:/not/there', DefinitionError, /cannot read \/not\/there \(ENOENT\)/],
    ['the passphrase where its name belongs', PASSPHRASE, DefinitionError, /neither env:NAME nor file:PATH/],
  ])('is refused with %s, and no secret is told', async (_what, passphrase, type, words) => {
    await expectRefusal(load(`file:${path(kind)}`, passphrase), type, words);
  });

  it('is not there in its public half', async () => {
    await expectRefusal(load(`file:${path(`${kind}.public`)}`), TrustError, /not an armored OpenPGP secret/);
  });
});

/** One line of its class, in which and in whose causes no secret stands. */
async function expectRefusal(
  { key, said }: ReturnType<typeof load>,
  type: typeof TrustError | typeof DefinitionError,
  words: RegExp,
): Promise<void> {
  const error: FactoryError = await key.then(
    () => expect.fail('it was not refused'),
    each => each,
  );
  expect(error).toBeInstanceOf(type);
  expect(error.line).toMatch(words);
  expect(error.line).not.toMatch(/\n/);
  const told = [error.line, String(error.cause), ...said].join('\n');
  for (const secret of [PASSPHRASE, WRONG, 'BEGIN PGP']) expect(told).not.toContain(secret);
}

describe('a signing key is refused that', () => {
  it.each([
    ['is not given', undefined, DefinitionError, /there is no signing key: give signing-key/],
    ['is in a file that is not there', 'file:/not/there', DefinitionError, /signing-key: cannot read/],
    ['is in a variable that is not set', 'env:NOT_THERE', DefinitionError, /NOT_THERE is not set/],
    ['is named without a scheme', 'release.asc', DefinitionError, /neither env:NAME nor file:PATH/],
    ['is a folder', `file:${tmpdir()}`, DefinitionError, /\(EISDIR\)/],
    ['is garbage', 'env:PASS', TrustError, /is not an armored OpenPGP secret key/],
    [
      'is garbage in armor',
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n',
      TrustError,
      /is not an armored OpenPGP secret key/,
    ],
  ])('%s', async (_what, signingKey, type, words) => {
    await expectRefusal(load(signingKey), type, words);
  });

  it('was cut short', async () => {
    const { secret } = await makeHand('cut');
    const middle = secret.length / 2;
    const cut = `${secret.slice(0, middle)}\n-----END PGP PRIVATE KEY BLOCK-----\n`;
    await expectRefusal(load(cut), TrustError, /is not an armored OpenPGP secret key/);
  });

  it.each([
    ['Ed25519 by the new identifier', { type: 'curve25519' }],
    ['Ed448', { type: 'curve448' }],
  ] as const)('gpg 2.2 cannot check: %s', async (_what, { type }) => {
    const { privateKey } = await generateKey({ type, userIDs: [{ name: 'new' }], format: 'armored' });
    await expectRefusal(load(privateKey), TrustError, /of a kind that gpg 2\.2 cannot check/);
  });

  it('has no secret in it: a subkey export of a key without subkeys', async () => {
    const { fingerprint, words } = await withoutPrimary();
    await expectRefusal(load(words), TrustError, new RegExp(`${fingerprint} cannot sign`));
  });
});

/** A key whose only secret is an encryption subkey, as gpg exports it for use elsewhere. */
async function withoutPrimary() {
  const fingerprint = await gpg.makeKey({ name: 'offline' });
  await gpg.run('--passphrase', '', '--quick-add-key', fingerprint, 'cv25519', 'encr', 'never');
  const exported = ['--passphrase', '', '--armor', '--export-secret-subkeys', fingerprint];
  return { fingerprint, words: (await gpg.run(...exported)).stdout };
}

it('signs with a subkey when the primary key stays at home, under the name of the primary key', async () => {
  const fingerprint = await gpg.makeKey({ name: 'subkey' });
  await gpg.run('--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never');
  const exported = ['--passphrase', '', '--armor', '--export-secret-subkeys', fingerprint];
  const signing = await load((await gpg.run(...exported)).stdout).key;
  expect(signing.fingerprint).toBe(fingerprint);
  await writeFile(path('sub'), 'by a subkey');
  const signature = await signing.signDigest(runningDigest(Buffer.from('by a subkey')));
  await writeFile(path('sub.sig'), await armorSignature(signature));
  const { stdout } = await gpg.run('--status-fd', '1', '--verify', path('sub.sig'), path('sub'));
  const [, signer, primary] = /^\[GNUPG:\] VALIDSIG (\S+) .* (\S+)$/m.exec(stdout) ?? [];
  expect(signer).toMatch(/^[0-9A-F]{40}$/);
  expect(signer).not.toBe(fingerprint);
  expect(primary).toBe(fingerprint);
});

describe('the local test key', () => {
  const state = (name: string) => join(folder, name);

  it('is made once, for its owner alone, and named as what it is', async () => {
    const first = await load(undefined, undefined, state('one')).key;
    const second = await load(undefined, undefined, state('one')).key;
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(first.localTestKey).toBe(true);
    const { secretKey, publicKey } = localTestKeyFiles(state('one'));
    expect((await stat(secretKey)).mode & 0o777).toBe(0o600);
    expect((await stat(state('one'))).mode & 0o777).toBe(0o700);
    expect(await readFile(publicKey, 'utf8')).toBe(first.publicKey);
  });

  it('that others may read is refused', async () => {
    await load(undefined, undefined, state('two')).key;
    await chmod(localTestKeyFiles(state('two')).secretKey, 0o640);
    await expectRefusal(load(undefined, undefined, state('two')), TrustError, /others may read/);
  });

  it('is not a key that somebody put in its place', async () => {
    await load(undefined, undefined, state('three')).key;
    const { secret } = await makeHand('release');
    await writeFile(localTestKeyFiles(state('three')).secretKey, secret);
    await expectRefusal(load(undefined, undefined, state('three')), TrustError, /is not a local test key/);
  });
});
