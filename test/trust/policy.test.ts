import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey, readKey } from 'openpgp';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { TrustError } from '../../src/host/errors.ts';
import { readPublicKeys } from '../../src/trust/keys.ts';
import { createPolicy, loadPolicy } from '../../src/trust/policy.ts';
import { loadSigningKey } from '../../src/trust/signing-key.ts';
import { type Hand, makeHand } from './fixture.ts';
import { openGnupg } from './gnupg.ts';

let verify: Hand;
let release: Hand;
let folder = '';

beforeAll(async () => {
  [verify, release] = await Promise.all([makeHand('verify'), makeHand('release')]);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-policy-'));
  await mkdir(join(folder, 'keys'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (name: string, text: string) => writeFile(join(folder, 'keys', name), text);

/** A policy as the factory file beside keys/ names it. */
const policyFor = (
  fingerprints: { verify: string[]; release: string[]; layers?: string[] },
  localKeys?: string,
) =>
  loadPolicy(
    { file: join(folder, 'factory.yaml'), signing: { fingerprints: { layers: [], ...fingerprints } } },
    localKeys,
  );

const named = () => ({
  verify: [verify.signing.fingerprint],
  release: [release.signing.fingerprint],
  layers: [],
});

async function refusal(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => expect.fail('it was not refused'),
    each => each,
  );
  expect(error).toBeInstanceOf(TrustError);
  expect(error.line).not.toMatch(/\n/);
  return error.line;
}

describe('a policy', () => {
  it('gives each key that is named its role, and the others none', async () => {
    const stranger = await makeHand('stranger');
    for (const [name, { signing }] of Object.entries({ verify, release, stranger }))
      await put(`${name}.asc`, signing.publicKey);
    await put('README.md', 'who is who');
    const policy = await policyFor(named());
    expect(policy.roles).toEqual(named());
    expect(policy.keys).toHaveLength(3);
    expect(policy.bothRoles).toEqual([]);
    expect(policy.localTestKey).toBeUndefined();
  });

  it('tells which keys have both roles', () => {
    const both = [verify.signing.fingerprint, release.signing.fingerprint];
    const policy = createPolicy(
      { verify: both, release: both.slice(1), layers: [] },
      [verify.key, release.key],
      'keys',
    );
    expect(policy.bothRoles).toEqual(both.slice(1));
  });

  it('takes fingerprints as gpg prints them', () => {
    const spaced = verify.signing.fingerprint.toLowerCase().replace(/(.{4})/g, '$1 ');
    const policy = createPolicy({ verify: [spaced], release: [], layers: [] }, [verify.key], 'keys');
    expect(policy.roles.verify).toEqual([verify.signing.fingerprint]);
  });

  it('of a factory that names only verifiers lets nobody release', async () => {
    await put('verify.asc', verify.signing.publicKey);
    const policy = await policyFor({ ...named(), release: [] }, folder);
    expect(policy.roles.release).toEqual([]);
    expect(policy.localTestKey).toBeUndefined();
  });
});

describe('a policy is refused, in one line with status 7, when', () => {
  it('a key that is named is not there, and the line says how to get it', async () => {
    await put('verify.asc', verify.signing.publicKey);
    const line = await refusal(policyFor(named()));
    expect(line).toContain(`there is no public key for ${release.signing.fingerprint} in ${folder}/keys`);
    expect(line).toContain(`gpg --armor --export ${release.signing.fingerprint} >`);
  });

  it('there is no folder of keys', async () => {
    await rm(join(folder, 'keys'), { recursive: true });
    expect(await refusal(policyFor(named()))).toMatch(/there is no public key for/);
  });

  it.each([
    ['garbage', 'not a key', /broken\.asc is not an armored OpenPGP public key/],
    ['nothing', '', /broken\.asc is not an armored OpenPGP public key/],
    ['a secret key', () => verify.secret, /broken\.asc holds a secret key: remove it from there/],
  ] as const)('keys/ has %s in it', async (_what, text, words) => {
    await put('verify.asc', verify.signing.publicKey);
    await put('broken.asc', typeof text === 'string' ? text : text());
    expect(await refusal(policyFor({ ...named(), release: [] }))).toMatch(words);
  });

  it('a subkey is named, and the line says whose', async () => {
    const { publicKey } = await generateKey({
      ...{ type: 'ecc', curve: 'ed25519Legacy', format: 'armored' },
      ...{ userIDs: [{ name: 'with a subkey' }], subkeys: [{ sign: true }] },
    });
    const key = await readKey({ armoredKey: publicKey });
    const [subkey] = key.subkeys.map(each => each.getFingerprint());
    await put('key.asc', publicKey);
    const line = await refusal(policyFor({ verify: [subkey ?? ''], release: [] }));
    expect(line).toContain('is a subkey: name its primary key');
    expect(line).toContain(key.getFingerprint().toUpperCase());
  });

  it('a local test key is named, whoever made it', async () => {
    const local = await loadSigningKey({}, createContext(), folder);
    await put('local.asc', local.publicKey);
    const line = await refusal(policyFor({ verify: [], release: [local.fingerprint] }));
    expect(line).toMatch(/is a local test key: make a key for publication/);
  });

  it.each(['verify', 'release'] as const)('a key for layers has the %s role too', async role => {
    for (const [name, { signing }] of Object.entries({ verify, release }))
      await put(`${name}.asc`, signing.publicKey);
    const line = await refusal(policyFor({ ...named(), layers: named()[role] }));
    expect(line).toMatch(/sign layers, and verdicts or releases too: give signing.layers a key of its own/);
  });

  it('nobody is named, and there is no local test key', async () => {
    const nobody = { verify: [], release: [] };
    expect(await refusal(policyFor(nobody, folder))).toMatch(/names none, and there is no local test key/);
    expect(await refusal(policyFor(nobody))).toMatch(/the local test key is not accepted for this/);
  });
});

it('nobody being named, the local test key has both roles', async () => {
  const local = await loadSigningKey({}, createContext(), folder);
  const policy = await policyFor({ verify: [], release: [] }, folder);
  expect(policy.localTestKey).toBe(local.fingerprint);
  expect(policy.bothRoles).toEqual([local.fingerprint]);
  expect(policy.roles.layers).toEqual([]);
});

it('a revocation in any copy of a key counts, whichever comes first', async () => {
  const gpg = await openGnupg();
  try {
    const fingerprint = await gpg.makeKey({ name: 'stolen', time: '20250101T000000' });
    const before = await gpg.exportPublic(fingerprint);
    await gpg.revoke(fingerprint, '20250901T000000');
    const after = await gpg.exportPublic(fingerprint);
    for (const [first, second] of [
      [before, after],
      [after, before],
    ] as const) {
      await put('a.asc', first);
      await put('b.asc', second);
      const [key, ...more] = await readPublicKeys(join(folder, 'keys'));
      expect(more).toEqual([]);
      expect(await key?.isRevoked()).toBe(true);
    }
  } finally {
    await gpg.close();
  }
});
