import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { candidatesFrom } from '../../src/build/apt-policy.ts';
import { knowRepositories, pinText, sourcesText } from '../../src/build/repositories.ts';
import type { Repository } from '../../src/definition/types.ts';
import { createContext } from '../../src/host/context.ts';
import {
  DefinitionError,
  describe as describeError,
  NetworkError,
  TrustError,
} from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { recordingContext } from '../host/support.ts';
import { SignedArchive } from './signed-archive.ts';
import { LINE } from './support.ts';

const SECRET = 'Zc9-horse:battery/staple';

/** A flat repository of one package, signed by a key of gpg's own; apt of this host is the judge. */
describe('a package repository', () => {
  let folder: string;
  let archive: SignedArchive;
  let server: Server;
  let uri: string;
  /** What it asks for, `LOGIN:PASSWORD`. */
  let login: string | undefined;

  const repository = (change: Partial<Repository> = {}): Repository => ({
    ...{
      name: 'gpu',
      uri,
      suite: '/',
      components: [],
      key: 'vendor.asc',
      fingerprint: archive.keys.vendor ?? '',
    },
    ...{ image: 'keep', ...change },
  });
  const know = async (change: Partial<Repository> = {}, context = createContext()) => {
    const line = { ...LINE, repositories: [repository(change)] };
    const [known] = await knowRepositories(context, line, folder);
    if (known === undefined) throw new TypeError('nothing known');
    return known;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'repository-'));
    archive = await SignedArchive.open(folder);
    await archive.makeKey('vendor');
    await archive.makeKey('other');
    await archive.publish('Origin: Vendor\nLabel: GPU drivers\nCodename: any\n');
    server = createServer(
      (request, answer) => void archive.answer(request.url ?? '', request, answer, login),
    );
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server?.close();
    await archive?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What apt says of the package, with the files that a build writes into the tree. */
  async function policy(
    change: Partial<Repository>,
    signedBy?: string,
    context = createContext(),
  ): Promise<string> {
    const known = await know(change, context);
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
      `Dir::Etc::netrc=${root}/login`,
    ];
    await writeFile(join(root, 'login'), known.login?.aptLine(known) ?? '');
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
    const { stdout } = await archive.gpg('--show-keys', '--with-colons', file);
    expect(stdout.match(/^pub:/gm)).toHaveLength(1);
    expect(stdout).toContain(archive.keys.vendor);
  });

  it('counts by what its InRelease file says', async () => {
    const text = await readFile(join(folder, 'archive/InRelease'));
    expect((await know()).inReleaseSha256).toBe(createHash('sha256').update(text).digest('hex'));
    await expect(know({ suite: 'nowhere/' })).rejects.toThrow(NetworkError);
  });

  describe('that asks for a login', () => {
    const holding = (value?: string) => recordingContext({ env: { LOGIN: value } });
    const knowWith = async (value?: string) => know({ credentials: 'LOGIN' }, holding(value).context);

    beforeAll(() => {
      login = `ci:${SECRET}`;
    });

    afterAll(() => {
      login = undefined;
    });

    it('is read with it, by us and by apt, and nothing made of it shows the secret', async () => {
      const { context } = holding(`ci:${SECRET}`);
      const told = await policy({ credentials: 'LOGIN' }, undefined, context);
      expect(candidatesFrom(told, [uri])).toEqual(['driver']);
      expect(candidatesFrom(told, [`${uri}/other`])).toEqual([]);
      const known = await knowWith(`ci:${SECRET}`);
      for (const text of [JSON.stringify(known), inspect(known, { depth: 9, showHidden: true })])
        expect(text).not.toContain('battery');
      expect(known.login?.secrets()).toContain(SECRET);
    });

    it('is refused with a wrong one by a line that names it and the variable, not the secret', async () => {
      const error = await knowWith('ci:wrong-secret').catch((each: unknown) => each);
      expect(error).toBeInstanceOf(NetworkError);
      const { line, causes } = describeError(error);
      expect(line).toMatch(/^repository gpu cannot be read: .*HTTP status 401.*LOGIN$/);
      expect([line, ...causes].join()).not.toContain('wrong-secret');
    });

    it.each([undefined, '', 'token', 'a:b c', ':x', 'a:', 'a:b\nmachine x'])(
      'is a mistake when the variable holds %j',
      async value => {
        const error = await knowWith(value).catch((each: unknown) => each);
        expect(error).toBeInstanceOf(DefinitionError);
        expect(String(error)).toMatch(/repository gpu needs a login, and LOGIN is/);
      },
    );
  });

  it('cannot be pinned without a name', async () => {
    await archive.publish('Codename: any\n');
    await expect(know({ pin: 400 })).rejects.toThrow(/neither Origin nor Label/);
  });
});
