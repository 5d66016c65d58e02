import { createHash, randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBundle } from '../../src/bundle/bundle.ts';
import { measureCore } from '../../src/bundle/core.ts';
import type { ImageFile } from '../../src/bundle/types.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { promote } from '../../src/chain/promote.ts';
import { sign } from '../../src/chain/sign.ts';
import { keyFor, trustBundle } from '../../src/chain/trust.ts';
import { type Context, createContext } from '../../src/host/context.ts';
import { DefinitionError, TrustError } from '../../src/host/errors.ts';
import { signStatement, writeVerdict } from '../../src/sign/verdict.ts';
import type { Report } from '../../src/verify/types.ts';
import { manifest, report } from '../report/fixture.ts';

const CHECKS = ['running', 'ssh'];

let folder: string;
let bundle: string;
let context: Context;
let common: { factory: string; bundle: string; installTools: boolean; job: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-trust-'));
  const factory = join(folder, 'factory.yaml');
  await writeFile(factory, 'version: 1\nimages:\n  debian: { releases: [12] }\n');
  context = createContext({ env: { XDG_STATE_HOME: join(folder, 'state') } });
  bundle = await makeBundle();
  common = { factory, bundle, installTools: false, job: 'host:1' };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A bundle whose image is a few random bytes: these layers read images as bytes only. */
async function makeBundle(checks: readonly string[] = CHECKS): Promise<string> {
  const draft = await createBundle(join(folder, `bundle-${randomBytes(4).toString('hex')}`));
  const bytes = randomBytes(4096);
  const name = 'debian-12-20261121.1-amd64.raw';
  await writeFile(join(draft.core, name), bytes);
  await writeFile(join(draft.core, 'packages.txt'), 'bash 5.2\n');
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  const sha256 = digest('sha256');
  const file: ImageFile = { path: name, form: 'raw', size: 4096, sha256, sha512: digest('sha512') };
  const line = { ...manifest.line, verify: { ...manifest.line.verify, checks } };
  return draft.finish({ ...manifest, line, diskDigest: sha256, diskSize: 4096, files: [file] });
}

async function addVerdict(run: string, change: Partial<Report> = {}): Promise<string> {
  const { factory } = await readDefinition(context, common.factory);
  const key = await keyFor(context, factory, {}, 'verify');
  const core = await measureCore(context, bundle);
  const [bootedFile] = core.manifest.files;
  if (bootedFile === undefined) throw new TypeError('the bundle has an image');
  const told = report({
    ...{ run, coreDigest: core.coreDigest, diskDigest: core.manifest.diskDigest, bootedFile },
    ...{ required: CHECKS, ...change },
  });
  const files = { 'report.json': JSON.stringify(told) };
  return writeVerdict({ bundle, manifest: core.manifest, report: told, files, key });
}

const failed: Partial<Report> = {
  passed: false,
  checks: [{ name: 'ssh', outcome: 'failed', seconds: 1, detail: 'refused' }],
};

async function trusted() {
  const { factory } = await readDefinition(context, common.factory);
  return trustBundle(context, bundle, factory);
}

async function accepted() {
  return (await trusted()).accepted('qemu', CHECKS);
}

describe('signing again after a kill', () => {
  it('clears what was half written and completes the seal', async () => {
    await sign(context, common);
    const core = join(bundle, 'core');
    await rename(join(core, 'SHA256SUMS.asc'), join(core, '.SHA256SUMS.asc.partial'));
    await unlink(join(core, 'hashdeep.txt'));
    await writeFile(join(core, '.hashdeep.txt.partial'), '%%%% HASH');
    await sign(context, common);
    expect((await trusted()).signedBy).toMatch(/^[0-9A-F]{40}$/);
  });

  it('leaves the unfinished file of a build alone, and refuses it', async () => {
    await writeFile(join(bundle, 'core', '.packages.txt.partial'), 'bash');
    await expect(sign(context, common)).rejects.toThrow(/packages\.txt\.partial .* is unfinished/);
  });
});

describe('a changed manifest', () => {
  it('is a matter of trust before it is one of its form', async () => {
    await sign(context, common);
    const path = join(bundle, 'core', 'manifest.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"image"', '"imagE"'));
    await expect(trusted()).rejects.toThrow(TrustError);
    await expect(trusted()).rejects.toThrow(/core\/manifest\.json does not match/);
  });

  it('of another format version is told as that', async () => {
    await sign(context, common);
    const path = join(bundle, 'core', 'manifest.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"formatVersion": 1', '"formatVersion": 7'));
    await expect(trusted()).rejects.toThrow(DefinitionError);
    await expect(trusted()).rejects.toThrow(/format version 7, and this image-factory reads version 1/);
  });

  it('is not even read when nobody signed it', async () => {
    const { factory } = await readDefinition(context, common.factory);
    await keyFor(context, factory, {}, 'release');
    await writeFile(join(bundle, 'core', 'manifest.json'), '{');
    await expect(trusted()).rejects.toThrow(/is not signed/);
  });
});

describe('verdicts', () => {
  beforeEach(() => sign(context, common));

  it('lets the failure count of two that ended in the same moment', async () => {
    await addVerdict('a-failed', failed);
    await addVerdict('b-passed');
    await expect(accepted()).rejects.toThrow(/says failed \(run a-failed\)/);
  });

  it('does not take an earlier pass when a later statement is by a newer release', async () => {
    await addVerdict('a-passed');
    const folder = await addVerdict('b-newer', { finishedAt: '2026-11-22T00:00:00.000Z' });
    const { factory } = await readDefinition(context, common.factory);
    const key = await keyFor(context, factory, {}, 'verify');
    const path = join(folder, 'statement.dsse.json');
    const envelope = JSON.parse(await readFile(path, 'utf8')) as { payload: string };
    const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));
    statement.predicate.imageFactory.formatVersion = 2;
    await writeFile(path, await signStatement(statement, key));
    await expect(accepted()).rejects.toThrow(DefinitionError);
  });

  it.skipIf(process.getuid?.() === 0)(
    'does not take an earlier pass when a later one cannot be read',
    async () => {
      await addVerdict('a-passed');
      const folder = await addVerdict('b-failed', { ...failed, finishedAt: '2026-11-22T00:00:00.000Z' });
      await chmod(join(folder, 'statement.dsse.json'), 0);
      await expect(accepted()).rejects.toThrow(/cannot read/);
    },
  );

  it('are judged by the checks of the factory, not by those that the build host wrote down', async () => {
    bundle = await makeBundle([]);
    common = { ...common, bundle };
    await sign(context, common);
    await addVerdict('empty', { required: [], checks: [] });
    const request = { ...common, stage: 'staging', output: folder, dryRun: true } as const;
    const boot = { accel: 'auto', firmware: 'bios' } as const;
    await expect(promote(context, { ...request, ...boot })).rejects.toThrow(TrustError);
  });
});

describe('the local test key', () => {
  it('is one key, whole, when several processes make it at once', async () => {
    const { factory } = await readDefinition(context, common.factory);
    const keys = await Promise.all(Array.from({ length: 8 }, () => keyFor(context, factory, {}, 'verify')));
    expect(new Set(keys.map(key => key.fingerprint)).size).toBe(1);
    const state = join(folder, 'state', 'image-factory');
    await copyFile(join(state, 'local-test-key.public.asc'), join(folder, 'public.asc'));
    expect(await readFile(join(folder, 'public.asc'), 'utf8')).toBe(keys[0]?.publicKey);
  });
});
