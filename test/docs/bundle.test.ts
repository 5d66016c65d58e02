import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBundle } from '../../src/bundle/bundle.ts';
import { measureCore } from '../../src/bundle/core.ts';
import { STATEMENT } from '../../src/bundle/statements.ts';
import { createContext } from '../../src/host/context.ts';
import { sealCore } from '../../src/sign/seal.ts';
import { writeVerdict } from '../../src/sign/verdict.ts';
import { createPolicy } from '../../src/trust/policy.ts';
import { manifestOf, QCOW2, RAW } from '../bundle/fixture.ts';
import { report } from '../report/fixture.ts';
import { type Hand, makeHand } from '../trust/fixture.ts';
import { type Gnupg, openGnupg } from '../trust/gnupg.ts';

const exec = promisify(execFile);
const PAGE = join(import.meta.dirname, '../../docs/bundle.md');
const PLACE = 'directory:stores/staging';

let gpg: Gnupg;
let release: Hand;
let verify: Hand;
let script = '';
let folder = '';
let bundle = '';

beforeAll(async () => {
  const page = await readFile(PAGE, 'utf8');
  script = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
  gpg = await openGnupg();
  [release, verify] = await Promise.all([makeHand('release'), makeHand('verify')]);
  for (const { signing } of [release, verify]) {
    await writeFile(join(gpg.folder, 'key.asc'), signing.publicKey);
    await gpg.run('--import', join(gpg.folder, 'key.asc'));
  }
});

afterAll(() => gpg.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-page-'));
  bundle = await sealedBundle();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Sealed and judged, of a real qcow2. */
async function sealedBundle(): Promise<string> {
  const draft = await createBundle(join(folder, 'bundle'));
  const [raw, qcow2] = [join(draft.core, RAW), join(draft.core, QCOW2)];
  await writeFile(raw, Buffer.alloc(1024 * 1024, 'disk'));
  await exec('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
  await writeFile(join(draft.core, 'packages.txt'), 'bash 5.2 amd64\n');
  await writeFile(join(draft.core, 'logs', 'build.log'), 'built\n');
  const path = await draft.finish(manifestOf(await readFile(raw), await readFile(qcow2)));
  const policy = createPolicy(
    { verify: [verify.signing.fingerprint], release: [release.signing.fingerprint], layers: [] },
    [verify.key, release.key],
    'keys',
  );
  const context = createContext();
  await sealCore(
    context,
    path,
    async () => policy,
    async () => release.signing,
  );
  const { manifest, coreDigest } = await measureCore(context, path);
  const [bootedFile] = manifest.files;
  if (bootedFile === undefined) throw new TypeError('the bundle has images');
  const told = report({ place: PLACE, coreDigest, diskDigest: manifest.diskDigest, bootedFile });
  const files = { 'report.json': JSON.stringify(told) };
  await writeVerdict({ bundle: path, manifest, report: told, files, key: verify.signing });
  return path;
}

const run = (change: Record<string, string> = {}) =>
  exec('bash', ['-c', script], {
    cwd: bundle,
    env: {
      PATH: process.env.PATH,
      GNUPGHOME: gpg.folder,
      TMPDIR: folder,
      release: release.signing.fingerprint,
      verify: verify.signing.fingerprint,
      ...change,
    },
  });

const core = (name: string) => join(bundle, 'core', name);
const verdict = (name: string) =>
  join(bundle, 'statements/verdict', encodeURIComponent(PLACE), report().run, name);

const replace = async (path: string, from: string, to: string) => {
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
};

describe('what docs/bundle.md says to type', () => {
  it('accepts a bundle, and tells its verdicts', async () => {
    expect((await run()).stdout).toMatch(/ directory:stores\/staging: PASSED, running .* console\n$/);
  });

  it.each([
    ['a changed file', () => replace(core('packages.txt'), '5.2', '5.3')],
    ['a changed log, which has no signature of its own', () => replace(core('logs/build.log'), 'b', 'B')],
    ['changed sums', () => replace(core('SHA256SUMS'), 'packages.txt', 'packages.tx')],
    ['junk in the sums', () => replace(core('SHA512SUMS'), '\n', '\njunk\n')],
    ['a missing file', () => rm(core('packages.txt'))],
    ['a file more', () => writeFile(core('more.txt'), '')],
    ['a changed report', () => replace(verdict('report.json'), 'ssh', 'shh')],
    ['a verdict by the other key', () => run({ verify: release.signing.fingerprint })],
    ['a seal by the other key', () => run({ release: verify.signing.fingerprint })],
    [
      'a changed verdict',
      async () => {
        const path = verdict(STATEMENT);
        const envelope = JSON.parse(await readFile(path, 'utf8')) as { payload: string };
        const told = Buffer.from(envelope.payload, 'base64').toString().replace('debian-12', 'debian-13');
        const payload = Buffer.from(told).toString('base64');
        await writeFile(path, JSON.stringify({ ...envelope, payload }));
      },
    ],
  ])('refuses %s', async (_what, damage) => {
    await expect(Promise.resolve(damage()).then(() => run())).rejects.toMatchObject({ code: 1 });
  });
});
