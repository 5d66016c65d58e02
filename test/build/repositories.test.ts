import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knowRepositories, pinText, sourcesText } from '../../src/build/repositories.ts';
import type { Repository } from '../../src/definition/types.ts';
import { createContext } from '../../src/host/context.ts';
import { DefinitionError, NetworkError, TrustError } from '../../src/host/errors.ts';
import { plainEnvironment, run } from '../../src/host/process.ts';
import { LINE } from './support.ts';

/** A flat repository of one package, signed by a key of gpg's own; apt of this host is the judge. */
describe('a package repository', () => {
  let folder: string;
  let server: Server;
  let uri: string;
  const keys: Record<string, string> = {};

  const gpg = (...words: string[]) =>
    run(['gpg', '--homedir', join(folder, 'gnupg'), '--batch', '--quiet', ...words], {
      env: plainEnvironment(),
    });

  async function makeKey(name: string): Promise<void> {
    await gpg(
      '--passphrase',
      '',
      '--quick-generate-key',
      `${name} <${name}@repository.example>`,
      'ed25519',
      'sign',
    );
    const { stdout } = await gpg('--list-keys', '--with-colons', name);
    keys[name] = /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
    await writeFile(join(folder, `${name}.asc`), (await gpg('--armor', '--export', name)).stdout);
  }

  async function publish(head: string): Promise<void> {
    const packages = 'Package: driver\nVersion: 7.1\nArchitecture: all\nFilename: ./driver.deb\nSize: 1\n\n';
    const digest = createHash('sha256').update(packages).digest('hex');
    const release = `${head}Date: ${new Date().toUTCString()}\nSHA256:\n ${digest} ${packages.length} Packages\n`;
    await mkdir(join(folder, 'archive'), { recursive: true });
    await writeFile(join(folder, 'archive/Packages'), packages);
    await writeFile(join(folder, 'Release'), release);
    const out = ['--yes', '--output', join(folder, 'archive/InRelease')];
    await gpg('--local-user', 'vendor', ...out, '--clearsign', join(folder, 'Release'));
  }

  const repository = (change: Partial<Repository> = {}): Repository => ({
    ...{ name: 'gpu', uri, suite: '/', components: [], key: 'vendor.asc', fingerprint: keys.vendor ?? '' },
    ...{ image: 'keep', ...change },
  });
  const know = async (change: Partial<Repository> = {}) => {
    const line = { ...LINE, repositories: [repository(change)] };
    const [known] = await knowRepositories(createContext(), line, folder);
    if (known === undefined) throw new TypeError('nothing known');
    return known;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'repository-'));
    await mkdir(join(folder, 'gnupg'), { mode: 0o700 });
    await makeKey('vendor');
    await makeKey('other');
    await publish('Origin: Vendor\nLabel: GPU drivers\nCodename: any\n');
    server = createServer((request, answer) => {
      readFile(join(folder, 'archive', request.url ?? '')).then(
        body => answer.end(body),
        () => answer.writeHead(404).end(),
      );
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server?.close();
    await run(['gpgconf', '--homedir', join(folder, 'gnupg'), '--kill', 'gpg-agent']);
    await rm(folder, { recursive: true, force: true });
  });

  /** What apt says of the package, with the files that a build writes into the tree. */
  async function policy(change: Partial<Repository>, signedBy?: string): Promise<string> {
    const known = await know(change);
    const root = await mkdtemp(join(folder, 'apt-'));
    for (const path of [
      'etc/apt/sources.list.d',
      'etc/apt/preferences.d',
      'var/lib/apt/lists/partial',
      'var/cache',
    ])
      await mkdir(join(root, path), { recursive: true });
    const key = join(root, 'gpu.asc');
    await writeFile(key, signedBy ?? known.armoredKey);
    await writeFile(join(root, 'status'), '');
    await writeFile(join(root, 'etc/apt/sources.list.d/gpu.sources'), sourcesText(known, key));
    if (known.pin !== undefined)
      await writeFile(join(root, 'etc/apt/preferences.d/gpu.pref'), pinText(known, known.pin));
    const options = [
      `Dir=${root}`,
      `Dir::State::status=${root}/status`,
      'APT::Sandbox::User=root',
      'APT::Architecture=amd64',
    ];
    const words = options.flatMap(option => ['-o', option]);
    await run(['apt-get', ...words, '-o', 'APT::Update::Error-Mode=any', 'update']);
    return (await run(['apt-cache', ...words, 'policy', 'driver'])).stdout;
  }

  it('is taken by apt as it is written into the tree, with its priority', async () => {
    expect(await policy({})).toMatch(/Candidate: 7\.1[\s\S]* 500 http/);
    expect(await policy({ pin: 400 })).toMatch(/Candidate: 7\.1[\s\S]* 400 http/);
    expect(await policy({ pin: -1 })).toMatch(/Candidate: \(none\)/);
  });

  it('that another key signed is refused by apt', async () => {
    const other = await readFile(join(folder, 'other.asc'), 'utf8');
    await expect(policy({}, other)).rejects.toThrow(/NO_PUBKEY|not signed|signatures/);
  });

  it('needs the pinned key in its key file, and takes no other from there', async () => {
    await expect(know({ key: 'other.asc' })).rejects.toThrow(TrustError);
    await expect(know({ fingerprint: 'A'.repeat(40) })).rejects.toThrow(
      /vendor\.asc does not hold the key A+/,
    );
    const both = await Promise.all(
      ['other', 'vendor'].map(name => readFile(join(folder, `${name}.asc`), 'utf8')),
    );
    await writeFile(join(folder, 'both.asc'), both.join('\n'));
    const file = join(folder, 'exported.asc');
    await writeFile(file, (await know({ key: 'vendor.asc' })).armoredKey);
    const { stdout } = await gpg('--show-keys', '--with-colons', file);
    expect(stdout.match(/^pub:/gm)).toHaveLength(1);
    expect(stdout).toContain(keys.vendor);
  });

  it('counts by what its InRelease file says', async () => {
    const text = await readFile(join(folder, 'archive/InRelease'));
    expect((await know()).inReleaseSha256).toBe(createHash('sha256').update(text).digest('hex'));
    await expect(know({ suite: 'nowhere/' })).rejects.toThrow(NetworkError);
  });

  it('cannot be pinned without a name, and not be had with a login yet', async () => {
    await expect(know({ credentials: 'LOGIN' })).rejects.toThrow(DefinitionError);
    await publish('Codename: any\n');
    await expect(know({ pin: 400 })).rejects.toThrow(/neither Origin nor Label/);
  });
});
