import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { measureCore } from '../../src/bundle/core.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { sign } from '../../src/chain/sign.ts';
import { keyFor, trustBundle } from '../../src/chain/trust.ts';
import { createContext } from '../../src/host/context.ts';
import { TrustError } from '../../src/host/errors.ts';
import { silentLog } from '../../src/host/log.ts';
import { writeVerdict } from '../../src/sign/verdict.ts';
import { judgeVerdicts } from '../../src/trust/verdicts.ts';
import type { Report } from '../../src/verify/types.ts';
import { sampleBundle } from '../bundle/fixture.ts';
import { report } from '../report/fixture.ts';
import { type Gnupg, openGnupg } from './gnupg.ts';

// Keys that end with 2025, one of them extended since, and one that was revoked in September 2025.
const MADE = '20250101T000000';
const ENDED = '20250901T000000';
const EARLY = new Date('2025-06-01T00:00:00Z');
const LATE = new Date('2026-06-01T00:00:00Z');
const CHECKS = ['running', 'ssh'];

interface Key {
  readonly fingerprint: string;
  /** As it was made: it does not know of its end. */
  readonly secret: string;
  readonly publicBefore: string;
  /** What was exported after it ended. */
  readonly secretAfter: string;
  readonly publicAfter: string;
}

let gpg: Gnupg;
let keys: Record<'valid' | 'expired' | 'revoked' | 'renewed', Key>;
let folder = '';
let bundle = '';

beforeAll(async () => {
  gpg = await openGnupg();
  const endings = { valid: 'never', expired: '1y', revoked: 'never', renewed: '1y' };
  const made: Record<string, Key> = {};
  for (const [name, until] of Object.entries(endings)) {
    const fingerprint = await gpg.makeKey({ name, time: MADE, until });
    const [secret, publicBefore] = await exported(fingerprint);
    if (name === 'revoked') await gpg.revoke(fingerprint, ENDED);
    if (name === 'renewed') await gpg.at(ENDED, '--quick-set-expire', fingerprint, '5y');
    const [secretAfter, publicAfter] = await exported(fingerprint);
    made[name] = { fingerprint, secret, publicBefore, secretAfter, publicAfter };
  }
  keys = made as typeof keys;
});

afterAll(() => gpg.close());

/** One after the other: gpg's calls disturb each other in one keyring. */
const exported = async (fingerprint: string) =>
  [await gpg.exportSecret(fingerprint), await gpg.exportPublic(fingerprint)] as const;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-lapsed-'));
  bundle = await sampleBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'keys'));
  const all = Object.values(keys).map(key => key.fingerprint);
  const text = `images: { debian: { releases: [12] } }\nsigning: { fingerprints: [${all}] }\n`;
  await writeFile(join(folder, 'factory.yaml'), text);
  for (const [name, key] of Object.entries(keys)) await trustCopy(name, key.publicBefore);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const trustCopy = (name: string, text: string) => writeFile(join(folder, 'keys', `${name}.asc`), text);

const at = (now: Date) => createContext({ now: () => now, log: silentLog, env: {} });

const factoryFile = () => join(folder, 'factory.yaml');

const seal = (signingKey: string, now: Date) =>
  sign(at(now), { factory: factoryFile(), bundle, installTools: false, job: 'host:1', signingKey });

async function trusted(now: Date) {
  const { factory } = await readDefinition(at(now), factoryFile());
  return trustBundle(at(now), bundle, factory);
}

async function addVerdict(run: string, { secret }: Key, now: Date, change: Partial<Report> = {}) {
  const context = at(now);
  const { factory } = await readDefinition(context, factoryFile());
  const key = await keyFor(context, factory, { signingKey: secret }, 'verify');
  const core = await measureCore(context, bundle);
  const [bootedFile] = core.manifest.files;
  if (bootedFile === undefined) throw new TypeError('the bundle has images');
  const { coreDigest, manifest } = core;
  const { diskDigest } = manifest;
  const told = report({ run, coreDigest, diskDigest, bootedFile, required: CHECKS, ...change });
  await writeVerdict({ bundle, manifest, report: told, files: {}, key });
}

async function refusal(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => new Error('nothing was refused'),
    each => each,
  );
  expect(error).toBeInstanceOf(TrustError);
  expect(error.status).toBe(7);
  expect(error.line).not.toMatch(/\n/);
  return error.line;
}

describe('signing is refused by a key that', () => {
  it('is expired', async () => {
    const line = await refusal(seal(keys.expired.secret, LATE));
    expect(line).toMatch(new RegExp(`the signing key ${keys.expired.fingerprint} cannot sign: .*expired`));
  });

  it('knows itself to be revoked', async () => {
    expect(await refusal(seal(keys.revoked.secretAfter, LATE))).toMatch(/cannot sign: .*revoked/);
  });

  it('only the policy knows to be revoked, and nothing is sealed', async () => {
    await trustCopy('revoked-again', keys.revoked.publicAfter);
    expect(await refusal(seal(keys.revoked.secret, LATE))).toMatch(/nobody would believe .*revoked/);
    await expect(readFile(join(bundle, 'core', 'SHA256SUMS.asc'))).rejects.toThrow(/ENOENT/);
    await refusal(addVerdict('one', keys.revoked, LATE));
  });
});

describe.each([
  ['expired', /a key that is not valid: .*expired/],
  ['revoked', /a key that is not valid: .*revoked/],
] as const)('what a key signed while it was valid, when it is %s', (name, words) => {
  const end = () => trustCopy(`${name}-again`, keys[name].publicAfter);

  it('is refused as a seal, though gpg calls it good', async () => {
    await seal(keys[name].secret, EARLY);
    expect((await trusted(EARLY)).signedBy).toBe(keys[name].fingerprint);
    await end();
    const line = await refusal(trusted(LATE));
    expect(line).toMatch(words);
    expect(line).toContain(keys[name].fingerprint);
    const sums = join(bundle, 'core', 'SHA256SUMS');
    expect((await gpg.run('--verify', `${sums}.asc`, sums)).stderr).toMatch(/Good signature/);
  });

  it('is not completed as a seal by a valid key', async () => {
    await seal(keys[name].secret, EARLY);
    await end();
    expect(await refusal(seal(keys.valid.secret, LATE))).toMatch(words);
  });

  it('opens no gate as a pass', async () => {
    await seal(keys.valid.secret, EARLY);
    await addVerdict('one', keys[name], EARLY);
    expect((await (await trusted(EARLY)).accepted('qemu', CHECKS)).run).toBe('one');
    await end();
    expect(await refusal((await trusted(LATE)).accepted('qemu', CHECKS))).toMatch(words);
  });

  it('takes nothing from an earlier pass by a valid key', async () => {
    await seal(keys.valid.secret, EARLY);
    await addVerdict('one', keys.valid, EARLY, { finishedAt: '2025-06-01T00:00:00Z' });
    await addVerdict('two', keys[name], EARLY, { finishedAt: '2025-06-02T00:00:00Z' });
    await end();
    const late = await trusted(LATE);
    expect((await late.accepted('qemu', CHECKS)).run).toBe('one');
    const { ignored, unverifiable } = await judgeVerdicts(at(LATE), bundle, late.core, late.policy);
    expect(ignored).toEqual([expect.stringMatching(words)]);
    expect(unverifiable).toEqual([]);
  });

  it('still counts as a failure', async () => {
    await seal(keys.valid.secret, EARLY);
    await addVerdict('one', keys.valid, EARLY, { finishedAt: '2025-06-01T00:00:00Z' });
    await addVerdict('two', keys[name], EARLY, { finishedAt: '2025-06-02T00:00:00Z', passed: false });
    await end();
    expect(await refusal((await trusted(LATE)).accepted('qemu', CHECKS))).toMatch(/says failed \(run two\)/);
  });
});

describe('a key that was extended', () => {
  it('makes good what it signed before, when it is exported again', async () => {
    await seal(keys.renewed.secret, EARLY);
    expect(await refusal(trusted(LATE))).toMatch(/expired/);
    await trustCopy('renewed', keys.renewed.publicAfter);
    expect((await trusted(LATE)).signedBy).toBe(keys.renewed.fingerprint);
  });

  it('is told to be exported again before it signs', async () => {
    const line = await refusal(seal(keys.renewed.secretAfter, LATE));
    expect(line).toMatch(/nobody would believe .*expired: export its public half into keys\/ again/);
  });
});
