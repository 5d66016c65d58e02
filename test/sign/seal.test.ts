import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFile,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBundle } from '../../src/bundle/bundle.ts';
import type { ImageFile } from '../../src/bundle/types.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { sign } from '../../src/chain/sign.ts';
import { trustBundle } from '../../src/chain/trust.ts';
import { type Context, createContext } from '../../src/host/context.ts';
import { TrustError } from '../../src/host/errors.ts';
import { silentLog } from '../../src/host/log.ts';
import { manifest } from '../report/fixture.ts';

const exec = promisify(execFile);
const IMAGE = 'debian-12-20261121.1-amd64.raw';
const PASSPHRASE = 'correct horse battery staple';

let folder = '';
let home = '';
const fingerprints: Record<string, string> = {};

const gpg = (...words: string[]) =>
  exec('gpg', ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', ...words]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-seal-'));
  home = join(folder, 'gnupg');
  await exec('install', ['-d', '-m', '700', home]);
  for (const [name, algorithm] of [
    ['release', 'ed25519'],
    ['rsa', 'rsa3072'],
    ['stranger', 'ed25519'],
  ] as const) {
    const secret = name === 'rsa' ? PASSPHRASE : '';
    const user = `${name} <${name}@cloud.example>`;
    await gpg('--passphrase', secret, '--quick-generate-key', user, algorithm, 'sign', 'never');
    const told = (await gpg('--with-colons', '--list-keys', user)).stdout;
    fingerprints[name] = /^fpr:+([0-9A-F]{40}):/m.exec(told)?.[1] ?? '';
    const armored = await gpg('--passphrase', secret, '--armor', '--export-secret-keys', user);
    await writeFile(join(folder, `${name}.secret.asc`), armored.stdout, { mode: 0o600 });
    await exec('install', ['-d', join(folder, 'keys')]);
    await writeFile(join(folder, 'keys', `${name}.asc`), (await gpg('--armor', '--export', user)).stdout);
  }
  const trusted = `[${fingerprints.release}, ${fingerprints.rsa}]`;
  const text = `images:\n  debian: { releases: [12] }\nsigning: { verify: ${trusted}, release: ${trusted} }\n`;
  await writeFile(join(folder, 'factory.yaml'), text);
});

afterAll(async () => {
  await exec('gpgconf', ['--homedir', home, '--kill', 'all']).catch(() => {});
  await rm(folder, { recursive: true, force: true });
});

let bundle = '';
let said: string[] = [];
let context: Context;

beforeEach(async () => {
  said = [];
  const say = (line: string) => said.push(line);
  const log = { ...silentLog, info: say, warn: say, error: say, debug: say };
  context = createContext({
    log,
    env: { PASS: PASSPHRASE, WRONG: 'not it', XDG_STATE_HOME: join(folder, 'state') },
  });
  bundle = await makeBundle(randomBytes(4096));
});

async function makeBundle(bytes: Buffer): Promise<string> {
  const draft = await createBundle(join(folder, `bundle-${randomBytes(4).toString('hex')}`));
  await writeFile(join(draft.core, IMAGE), bytes);
  await writeFile(join(draft.core, 'packages.txt'), 'bash 5.2 amd64\n');
  await writeFile(join(draft.core, 'logs', 'build.log'), 'built\n');
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  const sha256 = digest('sha256');
  const size = bytes.length;
  const file: ImageFile = { path: IMAGE, form: 'raw', size, sha256, sha512: digest('sha512') };
  return draft.finish({ ...manifest, diskDigest: sha256, diskSize: size, files: [file] });
}

const seal = (name: string, passphrase?: string) =>
  sign(context, {
    ...{ factory: join(folder, 'factory.yaml'), bundle, installTools: false, job: 'host:1' },
    ...{ signingKey: `file:${join(folder, `${name}.secret.asc`)}` },
    ...(passphrase === undefined ? {} : { passphrase }),
  });

async function trust() {
  const { factory } = await readDefinition(context, join(folder, 'factory.yaml'));
  return trustBundle(context, bundle, factory);
}

describe.each([
  ['release', undefined],
  ['rsa', 'env:PASS'],
])('a seal by the %s key', (name, passphrase) => {
  it('is good to gpg, the sums to coreutils, the list to hashdeep, and all of it to us', async () => {
    const { fingerprint, signatures } = await seal(name, passphrase);
    expect(fingerprint).toBe(fingerprints[name]);
    const core = join(bundle, 'core');
    for (const path of signatures) {
      const { stderr } = await gpg('--verify', join(bundle, path), join(bundle, path.slice(0, -4)));
      expect(stderr).toMatch(/Good signature/);
    }
    const unsigned = (await readdir(core)).filter(each => !each.endsWith('.asc') && each !== 'logs');
    expect(signatures).toHaveLength(unsigned.length);
    await exec('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: core });
    await exec('sha512sum', ['--strict', '-c', 'SHA512SUMS'], { cwd: core });
    const audit = "grep -v '^[%#]' hashdeep.txt | cut -d, -f3 | xargs hashdeep -l -a -k hashdeep.txt";
    expect((await exec('sh', ['-c', audit], { cwd: core })).stdout).toMatch(/Audit passed/);
    expect((await trust()).signedBy).toBe(fingerprints[name]);
  });

  it('is the same when it is made again', async () => {
    await seal(name, passphrase);
    const before = await readFile(join(bundle, 'core', 'SHA256SUMS.asc'), 'utf8');
    await seal(name, passphrase);
    expect(await readFile(join(bundle, 'core', 'SHA256SUMS.asc'), 'utf8')).toBe(before);
  });
});

describe('a key', () => {
  it('with a wrong passphrase is refused in one line, and no secret is told', async () => {
    const error = await seal('rsa', 'env:WRONG').catch(each => each);
    expect(error).toBeInstanceOf(TrustError);
    expect(error.line).toMatch(/passphrase does not open/);
    expect([error.line, ...said].join('\n')).not.toMatch(/not it|correct horse|BEGIN PGP/);
  });

  it('that is locked asks for its passphrase', async () => {
    await expect(seal('rsa')).rejects.toThrow(/is locked/);
  });

  it('that has both roles is told of', async () => {
    await seal('release');
    expect(said.join('\n')).toContain(`one key for both roles: ${fingerprints.release}`);
  });

  it('that the factory file does not name may not sign', async () => {
    await expect(seal('stranger')).rejects.toThrow(/has no release role/);
  });

  it('of somebody else does not replace a seal', async () => {
    await seal('release');
    await expect(seal('rsa', 'env:PASS')).rejects.toThrow(/is there already and is signed by/);
  });
});

/** Everything a hand could do to a sealed core. */
const DAMAGE: [string, (core: string) => Promise<unknown>][] = [
  ...[
    IMAGE,
    'manifest.json',
    'packages.txt',
    'logs/build.log',
    'SHA256SUMS',
    'SHA512SUMS',
    'hashdeep.txt',
  ].map(
    path =>
      [`one bit of ${path} is another`, core => flip(join(core, path))] as [
        string,
        (core: string) => Promise<void>,
      ],
  ),
  ['one bit of a signature is another', core => flip(join(core, 'packages.txt.asc'), 80)],
  ['the image is truncated', core => truncate(join(core, IMAGE), 4095)],
  ['the image is longer', core => truncate(join(core, IMAGE), 4097)],
  ['a file is missing', core => rm(join(core, 'packages.txt'))],
  ['a signature is missing', core => rm(join(core, `${IMAGE}.asc`))],
  ['a file was added', core => writeFile(join(core, 'extra.txt'), 'x')],
  ['a signature of nothing was added', core => copyFile(join(core, 'packages.txt.asc'), join(core, 'x.asc'))],
  [
    'a signature is that of another file',
    core => copyFile(join(core, 'packages.txt.asc'), join(core, `${IMAGE}.asc`)),
  ],
  ['a file is a link to the same bytes', core => relink(join(core, 'packages.txt'))],
];

describe('a sealed core is refused when', () => {
  it.each(DAMAGE)('%s', async (_what, damage) => {
    await seal('release');
    await trust();
    await damage(join(bundle, 'core'));
    await expect(trust()).rejects.toThrow(TrustError);
  });

  it('a stranger signed it under the same name', async () => {
    await seal('release');
    const path = join(bundle, 'core', 'packages.txt');
    await rm(`${path}.asc`);
    const user = 'stranger <stranger@cloud.example>';
    await gpg('--local-user', user, '--armor', '--detach-sign', '--output', `${path}.asc`, path);
    await expect(trust()).rejects.toThrow(/has no release role/);
  });
});

it('signs what is far larger than the memory it takes', async () => {
  const size = 300 * 1024 * 1024;
  await truncate(join(bundle, 'core', IMAGE), size);
  const digest = createHash('sha256');
  const digest512 = createHash('sha512');
  const zeros = Buffer.alloc(1024 * 1024);
  const head = (await readFile(join(bundle, 'core', IMAGE), { flag: 'r' })).subarray(0, zeros.length);
  for (let at = 0; at < size; at += zeros.length) {
    digest.update(at === 0 ? head : zeros);
    digest512.update(at === 0 ? head : zeros);
  }
  const path = join(bundle, 'core', 'manifest.json');
  const told = JSON.parse(await readFile(path, 'utf8'));
  const sha256 = digest.digest('hex');
  const files = [{ ...told.files[0], size, sha256, sha512: digest512.digest('hex') }];
  await writeFile(path, JSON.stringify({ ...told, diskDigest: sha256, diskSize: size, files }));
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  await seal('release');
  clearInterval(watch);
  expect(peak - before).toBeLessThan(150 * 1024 * 1024);
});

async function flip(path: string, at = 10): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer, bytesRead } = await file.read(
    Buffer.alloc(1),
    0,
    1,
    Math.min(at, (await file.stat()).size - 1),
  );
  expect(bytesRead).toBe(1);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, Math.min(at, (await file.stat()).size - 1));
  await file.close();
}

async function relink(path: string): Promise<void> {
  await copyFile(path, `${path.replace('/core/', '/')}.elsewhere`);
  await rm(path);
  await symlink(`${path.replace('/core/', '/')}.elsewhere`, path);
}
