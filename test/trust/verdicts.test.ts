import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MeasuredCore, measureCore } from '../../src/bundle/core.ts';
import { runningDigest } from '../../src/bundle/digest.ts';
import { formatEnvelope, IN_TOTO_PAYLOAD, preAuthenticationEncoding } from '../../src/bundle/dsse.ts';
import { STATEMENT } from '../../src/bundle/statements.ts';
import { createContext } from '../../src/host/context.ts';
import { DefinitionError, TrustError } from '../../src/host/errors.ts';
import { writeVerdict } from '../../src/sign/verdict.ts';
import type { Policy } from '../../src/trust/policy.ts';
import { acceptedVerdict, judgeVerdicts } from '../../src/trust/verdicts.ts';
import type { CheckResult, Report } from '../../src/verify/types.ts';
import { sampleBundle } from '../bundle/fixture.ts';
import { report } from '../report/fixture.ts';
import { type Hand, makeHand, policyOf } from './fixture.ts';

const CHECKS = ['running', 'ssh'];
const context = createContext();

let verify: Hand;
let release: Hand;
let stranger: Hand;
let impostor: Hand; // of the same name as verify
let policy: Policy;
let folder = '';
let bundle = '';
let core: MeasuredCore;

beforeAll(async () => {
  [verify, release, stranger, impostor] = await Promise.all([
    makeHand('verify'),
    makeHand('release'),
    makeHand('stranger'),
    makeHand('verify'),
  ]);
  policy = policyOf(verify, release, stranger);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-verdicts-'));
  bundle = await sampleBundle(join(folder, 'bundle'));
  core = await measureCore(context, bundle);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Given extends Partial<Report> {
  readonly by?: Hand;
  readonly of?: MeasuredCore;
  readonly into?: string;
}

/** Writes a verdict, a pass by the verify key unless told otherwise. @returns its folder */
function add(run: string, { by = verify, of = core, into = bundle, ...change }: Given = {}): Promise<string> {
  const [bootedFile] = of.manifest.files;
  if (bootedFile === undefined) throw new TypeError('the bundle has images');
  const { coreDigest, manifest } = of;
  const told = report({
    ...{ run, coreDigest, diskDigest: manifest.diskDigest, bootedFile, required: CHECKS, ...change },
  });
  const files = { 'report.json': JSON.stringify(told), 'junit.xml': '<testsuite/>' };
  return writeVerdict({ bundle: into, manifest, report: told, files, key: by.signing });
}

const at = (minute: number) => ({ finishedAt: `2026-11-21T05:${String(minute).padStart(2, '0')}:00.000Z` });
const failed = {
  passed: false,
  checks: [{ name: 'ssh', outcome: 'failed', seconds: 1, detail: 'refused' }],
} as const;

const ending = (outcome: CheckResult['outcome']) =>
  report().checks.map(each => (each.name === 'ssh' ? { ...each, outcome } : each));

const accepted = (checks: readonly string[] = CHECKS, place = 'qemu') =>
  acceptedVerdict(context, bundle, core, policy, { place, checks });

interface Written {
  payloadType: string;
  payload: string;
  signatures: { keyid: string; sig: string }[];
}

async function signatureOf(path: string): Promise<Written['signatures'][number]> {
  const [first] = (JSON.parse(await readFile(join(path, STATEMENT), 'utf8')) as Written).signatures;
  if (first === undefined) throw new TypeError('a statement is signed');
  return first;
}

async function editEnvelope(path: string, edit: (told: Written) => Partial<Written>): Promise<void> {
  const file = join(path, STATEMENT);
  const envelope = JSON.parse(await readFile(file, 'utf8')) as Written;
  await writeFile(file, JSON.stringify({ ...envelope, ...edit(envelope) }));
}

const decoded = (payload: string) => Buffer.from(payload, 'base64').toString('utf8');

/** As a verify key would sign it that somebody misuses, or that belongs to another release. */
async function resign(path: string, edit: (payload: string) => string, by = verify, type = IN_TOTO_PAYLOAD) {
  const file = join(path, STATEMENT);
  const told = JSON.parse(await readFile(file, 'utf8')) as Written;
  const payload = Buffer.from(edit(decoded(told.payload)));
  const sig = await by.signing.signDigest(runningDigest(preAuthenticationEncoding(type, payload)));
  const signatures = [{ keyid: by.signing.fingerprint, sig }];
  await writeFile(file, formatEnvelope({ payloadType: type, payload, signatures }));
}

describe('a verdict', () => {
  it('by a verify key that covers the checks is accepted, with all that it tells', async () => {
    const path = await add('one');
    const told = { run: 'one', passed: true, signedBy: verify.signing.fingerprint, folder: path };
    expect(await accepted()).toMatchObject(told);
  });

  it('that covers more checks than are required is accepted', async () => {
    await add('one');
    expect((await accepted(['ssh'])).run).toBe('one');
  });

  it('of one place opens no gate of another', async () => {
    await add('one', { place: 'directory:stores/staging' });
    await expect(accepted()).rejects.toThrow(/no accepted verdict for qemu: there is none/);
    expect((await accepted(CHECKS, 'directory:stores/staging')).run).toBe('one');
  });

  it('that requires fewer checks does not cover', async () => {
    await add('one', { required: ['ssh'] });
    await expect(accepted()).rejects.toThrow(/require fewer checks/);
  });

  it('that says passed, but not of a required check, is no pass', async () => {
    const [running] = report().checks;
    await add('one', { checks: running === undefined ? [] : [running] });
    await expect(accepted()).rejects.toThrow(/has no pass of ssh \(run one\)/);
  });

  it.each(['not-applicable', 'warned', 'quarantined'] as const)(
    'in which a required check is %s is no pass',
    async outcome => {
      await add('one', { checks: ending(outcome) });
      await expect(accepted()).rejects.toThrow(/has no pass of ssh \(run one\)/);
    },
  );

  it('in which a required check was flaky is a failure, though it was passed in the end', async () => {
    await add('one', { checks: ending('flaky') });
    await expect(accepted()).rejects.toThrow(/says failed \(run one\)/);
  });

  it('that says passed and names a failed check is a failure', async () => {
    await add('one', { checks: [...report().checks, ...failed.checks] });
    await expect(accepted()).rejects.toThrow(/says failed \(run one\)/);
  });

  it('may have other signatures beside the one that counts, and a wrong hint', async () => {
    const path = await add('one');
    const elsewhere = await signatureOf(await add('two', { place: 'nova' }));
    await editEnvelope(path, ({ signatures }) => ({
      signatures: [elsewhere, ...signatures].map(each => ({ ...each, keyid: 'nobody' })),
    }));
    expect((await accepted()).signedBy).toBe(verify.signing.fingerprint);
  });
});

describe('of several verdicts', () => {
  it.each([
    ['a later failure overrides a pass', [at(1), { ...failed, ...at(2) }], 'refused'],
    ['a later pass overrides a failure', [{ ...failed, ...at(1) }, at(2)], 'b'],
    ['the time counts, not the name of the run', [{ ...failed, ...at(2) }, at(1)], 'refused'],
    [
      'a later pass of fewer checks heals no failure',
      [
        { ...failed, ...at(1) },
        { required: ['ssh'], ...at(2) },
      ],
      'refused',
    ],
    [
      'a later failure of fewer checks counts',
      [at(1), { ...failed, required: ['ssh'], ...at(2) }],
      'refused',
    ],
    ['a later pass of fewer checks takes nothing away', [at(1), { required: ['ssh'], ...at(2) }], 'a'],
    ['a failure elsewhere is of no matter here', [at(1), { ...failed, place: 'nova', ...at(2) }], 'a'],
    [
      'a part of a second counts',
      [{ finishedAt: '2026-11-21T05:01:00Z' }, { ...failed, finishedAt: '2026-11-21T05:01:00.001Z' }],
      'refused',
    ],
  ] as [string, [Given, Given], string][])('%s', async (_what, [first, second], outcome) => {
    await add('a', first);
    await add('b', second);
    if (outcome === 'refused') await expect(accepted()).rejects.toThrow(/says failed/);
    else expect((await accepted()).run).toBe(outcome);
  });

  it('one by a known key without the role neither opens the gate nor shuts it', async () => {
    await add('a', at(1));
    await add('b', { ...failed, ...at(2), by: stranger });
    expect((await accepted()).run).toBe('a');
    const { good, ignored } = await judgeVerdicts(context, bundle, core, policy);
    expect(good.map(each => each.run)).toEqual(['a']);
    expect(ignored).toEqual([
      expect.stringMatching(/^the verdict b for qemu is signed by .* no verify role/),
    ]);
  });
});

describe('a verdict is refused that is signed', () => {
  it.each([
    ['by a key of the release role only', () => release, /has no verify role/],
    ['by a key without a role', () => stranger, /has no verify role/],
    ['by an unknown key of the same name', () => impostor, /unknown key/],
  ] as [string, () => Hand, RegExp][])('%s', async (_what, by, told) => {
    await add('one', { by: by() });
    await expect(accepted()).rejects.toThrow(TrustError);
    await expect(accepted()).rejects.toThrow(told);
  });
});

/** What a hand without any key can do to a folder that lies in a bundle. */
const DAMAGE: [string, (path: string) => Promise<unknown>, RegExp][] = [
  ['has no signature', path => editEnvelope(path, () => ({ signatures: [] })), /no signature/],
  [
    "has an impostor's signature under the fingerprint of the verify key",
    async path => {
      const keyid = verify.signing.fingerprint;
      await resign(path, text => text, impostor);
      await editEnvelope(path, told => ({ signatures: told.signatures.map(each => ({ ...each, keyid })) }));
    },
    /unknown key/,
  ],
  [
    'has the signature of another verdict',
    async path => {
      const other = await signatureOf(await add('two', { place: 'nova' }));
      await editEnvelope(path, () => ({ signatures: [other] }));
    },
    /does not match/,
  ],
  [
    'says PASSED where FAILED was signed',
    async path => {
      await rm(path, { recursive: true });
      const forged = await add('forged', { ...failed, checks: report().checks });
      const passing = (text: string) => Buffer.from(text.replace('"FAILED"', '"PASSED"')).toString('base64');
      await editEnvelope(forged, told => ({ payload: passing(decoded(told.payload)) }));
    },
    /does not match/,
  ],
  [
    'has another payload type',
    path => editEnvelope(path, () => ({ payloadType: 'text/plain' })),
    /payload type/,
  ],
  [
    'was signed as another type',
    async path => {
      await resign(path, text => text, verify, 'text/plain');
      await editEnvelope(path, () => ({ payloadType: IN_TOTO_PAYLOAD }));
    },
    /does not match/,
  ],
  [
    'was signed without its type',
    async path => {
      const told = JSON.parse(await readFile(join(path, STATEMENT), 'utf8')) as Written;
      const sig = await verify.signing.signDigest(runningDigest(Buffer.from(told.payload, 'base64')));
      await editEnvelope(path, () => ({ signatures: [{ keyid: '', sig: sig.toString('base64') }] }));
    },
    /does not match/,
  ],
  [
    'has a report that was changed',
    path => writeFile(join(path, 'report.json'), '{}'),
    /report\.json .* was changed/,
  ],
  ['lacks a report', path => rm(join(path, 'junit.xml')), /junit\.xml is not beside it/],
  ['has a report more', path => writeFile(join(path, 'more.json'), '{}'), /more\.json .* was changed/],
  ['is no JSON', path => writeFile(join(path, STATEMENT), 'passed'), /is not JSON/],
  ['has a key twice in its envelope', path => doubleKey(path), /the key "payload"/],
  ['has no statement', path => rm(join(path, STATEMENT)), /is not there/],
  [
    'bears the name of another run',
    path => rename(path, join(dirname(path), 'two')),
    /copied from another place or run/,
  ],
  [
    'was copied from another place',
    async path => {
      const other = await add('three', { place: 'nova' });
      await rm(path, { recursive: true });
      await rename(other, join(dirname(path), 'three'));
    },
    /copied from another place or run/,
  ],
];

async function doubleKey(path: string): Promise<void> {
  const text = await readFile(join(path, STATEMENT), 'utf8');
  await writeFile(join(path, STATEMENT), text.replace('{', '{"payload":"e30=",'));
}

describe('a verdict is refused that', () => {
  it.each(DAMAGE)(
    '%s, in one line with status 7, and no earlier pass counts instead',
    async (_what, damage, words) => {
      await add('early', at(1));
      await damage(await add('one', at(2)));
      const error = await accepted().catch(each => each);
      expect(error).toBeInstanceOf(TrustError);
      expect(error.status).toBe(7);
      expect(error.line).toMatch(words);
      expect(error.line).not.toMatch(/\n/);
    },
  );

  it('was damaged in another place, and that shuts no gate here', async () => {
    await add('one');
    await writeFile(join(await add('two', { place: 'nova' }), 'report.json'), '{}');
    expect((await accepted()).run).toBe('one');
    const { unverifiable } = await judgeVerdicts(context, bundle, core, policy);
    expect(unverifiable.map(each => each.message)).toEqual([
      'the verdict two for nova: report.json beside it was changed',
    ]);
  });

  it('was copied from another bundle', async () => {
    const other = await sampleBundle(join(folder, 'other'), 'other disk');
    await add('one', { into: other, of: await measureCore(context, other) });
    await cp(join(other, 'statements'), join(bundle, 'statements'), { recursive: true });
    await expect(accepted()).rejects.toThrow(/is about another build/);
  });

  it('is a link', async () => {
    const path = await add('one');
    await rename(path, join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), path);
    await expect(accepted()).rejects.toThrow(/is not a folder/);
  });

  it('has a report that is a link', async () => {
    const path = join(await add('one'), 'report.json');
    await rename(path, join(folder, 'report.json'));
    await symlink(join(folder, 'report.json'), path);
    await expect(accepted()).rejects.toThrow(/is a link or a special file/);
  });
});

interface Told {
  subject: { name: string; digest: Record<string, string> }[];
  predicate: { imageFactory: Record<string, unknown> };
}

/** A change of the statement itself, under a good signature of the verify key. */
const edited = (edit: (told: Told) => unknown) => (text: string) => {
  const told = JSON.parse(text) as Told;
  edit(told);
  return JSON.stringify(told);
};

const told = (change: Record<string, unknown>) =>
  edited(({ predicate }) => Object.assign(predicate.imageFactory, change));

/** @param turn which subject; the core is the first, the disk the second, the files follow */
const subject = (turn: number, digest: Record<string, string | undefined>) =>
  edited(statement => Object.assign(statement.subject.at(turn)?.digest ?? {}, digest));

const booted = (change: Record<string, string>) =>
  edited(({ predicate }) => Object.assign(predicate.imageFactory.bootedFile as object, change));

const ZEROS = '0'.repeat(64);

describe('a well-signed statement is refused that', () => {
  it.each([
    ['names another core', told({ coreDigest: ZEROS })],
    ['names another disk', told({ diskDigest: ZEROS })],
    ['names another version', told({ version: '20261121.2' })],
    ['names another image', told({ image: 'debian-13' })],
    ['has another core as its subject', subject(0, { sha256: ZEROS })],
    ['has another disk as its subject', subject(1, { sha256: ZEROS })],
    ['names a booted file of other bytes', booted({ sha256: ZEROS })],
    ['names a booted file of another SHA-512', booted({ sha512: ZEROS + ZEROS })],
    ['names a booted file that the bundle has not', booted({ path: 'other.qcow2' })],
    ['leaves out a file', edited(statement => statement.subject.pop())],
    ['has another SHA-256 of a file', subject(-1, { sha256: ZEROS })],
    ['leaves out the SHA-512 of a file', subject(-1, { sha512: undefined })],
    ['has another SHA-512 of a file', subject(-1, { sha512: ZEROS + ZEROS })],
  ])('%s', async (_what, edit) => {
    await resign(await add('one'), edit);
    await expect(accepted()).rejects.toThrow(TrustError);
    await expect(accepted()).rejects.toThrow(/is about another build/);
  });

  it.each([
    ['is of a version to come', told({ formatVersion: 2 }), /format version 2/],
    ['has a field that nobody knows', told({ waived: ['ssh'] }), /malformed/],
    [
      'has a key twice',
      (text: string) => text.replace('"predicate":{', '"predicate":{"result":"PASSED",'),
      /the key "result"/,
    ],
    ['has a prototype', (text: string) => text.replace('{', '{"__proto__":{},'), /__proto__/],
    ['is of another predicate', (text: string) => text.replace('test-result', 'provenance'), /predicateType/],
    ['is no object', () => 'null', /malformed/],
  ])('%s, with status 2, and no earlier pass counts instead', async (_what, edit, words) => {
    await add('early', at(1));
    await resign(await add('late', at(2)), edit);
    const error = await accepted().catch(each => each);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.status).toBe(2);
    expect(error.line).toMatch(words);
  });
});
