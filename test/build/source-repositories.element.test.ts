import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourceRepositories } from '../../src/build/source-repositories.ts';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';

const PROGRAM = 'source-repositories/extra-data.d/98-source-repositories';
const AUTHOR = ['-c', 'user.name=Nobody', '-c', 'user.email=nobody@example.org'];

interface Fetched {
  readonly status: number;
  readonly said: string;
  /** The same once more, with what the first left in its cache. */
  readonly again: () => Promise<{ status: number; said: string }>;
  /** Of a file in the tree, by its path. */
  readonly text: (path: string) => Promise<string>;
  readonly tree: string;
  /** What the manifest would tell. */
  readonly told: () => ReturnType<typeof sourceRepositories>;
}

/** Our element for hosts without diskimage-builder: git over a real server of HTTP, archives and files. */
describe('the element source-repositories', () => {
  const requests: string[] = [];
  let served = '';
  let at = '';
  let commits: Record<'main' | 'old' | 'change', string>;
  const server = createServer(async (request, response) => {
    requests.push(request.url ?? '');
    const path = new URL(request.url ?? '', 'http://server').pathname;
    const content = await readFile(join(served, path)).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });

  beforeAll(async () => {
    served = (await run(['mktemp', '-d'])).stdout.trim();
    const work = join(served, 'checkout');
    const git = async (...words: string[]) =>
      (await run(['git', '-C', work, ...AUTHOR, ...words])).stdout.trim();
    const commit = async (content: string) => {
      await writeFile(join(work, 'tool'), content);
      await git('add', 'tool');
      await git('commit', '-q', '-m', content);
      return git('rev-parse', 'HEAD');
    };
    await mkdir(join(work, 'data-1.0'), { recursive: true });
    await git('init', '-q', '--initial-branch=main');
    const old = await commit('one');
    await git('tag', 'v1');
    const main = await commit('two');
    const change = await commit('three');
    await git('update-ref', 'refs/changes/01/1/1', change);
    await git('reset', '-q', '--hard', main);
    await git('update-server-info');
    commits = { old, main, change };
    await writeFile(join(work, 'data-1.0/list'), 'a list\n');
    await run(['tar', '-C', work, '-czf', join(served, 'data.tar.gz'), 'data-1.0']);
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await run(['rm', '-rf', served]);
    await new Promise(done => server.close(done));
  });

  /** Runs the element's script, as a build does, with the lines in a file of an element. */
  const fetching = (
    lines: string,
    given: Record<string, string>,
    look: (fetched: Fetched) => Promise<void>,
  ): Promise<void> =>
    inTemporary(async folder => {
      const [hooks, tree] = [join(folder, 'hooks'), join(folder, 'tree')];
      await mkdir(tree);
      await cp(resolve('elements/cache-url/bin'), join(hooks, 'bin'), { recursive: true });
      await writeFile(join(hooks, 'source-repository-site'), lines);
      const environment = {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        TMP_HOOKS_PATH: hooks,
        TMP_MOUNT_PATH: tree,
        DIB_IMAGE_CACHE: join(folder, 'cache'),
        DIB_DEFAULT_INSTALLTYPE: 'source',
        DIB_OFFLINE: '',
        IMAGE_NAME: 'debian-12',
        AT: at,
        ...given,
      };
      const fetch = () =>
        promisify(execFile)(resolve('elements', PROGRAM), { env: environment }).then(
          ({ stderr }) => ({ status: 0, said: stderr }),
          error => ({ status: error.code as number, said: error.stderr as string }),
        );
      const ended = await fetch();
      const outside = async (argv: readonly string[]) => run([...argv], { env: environment });
      await look({
        ...ended,
        again: fetch,
        tree,
        text: path => readFile(join(tree, path), 'utf8'),
        told: () =>
          sourceRepositories({
            chroot: { outside, inside: outside },
            hooks: { elements: ['source-repositories'], owners: new Map(), statics: false },
            environment,
          }),
      });
    });

  it('fetches by git, from an archive and as a file, and the manifest tells what', () =>
    fetching(
      '# name type destination location ref\n\ntool git /opt/tool $AT/checkout/.git main\n' +
        'data tar /opt/data $AT/data.tar.gz *\nlist file /etc/list $AT/checkout/data-1.0/list',
      {},
      async ({ status, said, text, tree, told }) => {
        expect(status, said).toBe(0);
        expect(await text('opt/tool/tool')).toBe('two');
        expect(await text('opt/data/list')).toBe('a list\n');
        expect(await text('etc/list')).toBe('a list\n');
        expect((await stat(join(tree, 'opt/data'))).mode & 0o777).toBe(0o755);
        expect(await text('etc/dib-source-repositories')).toBe('/opt/tool\n/opt/data\n/etc/list\n');
        expect(await text('opt/tool/.git/config')).toContain(`url = ${at}/checkout/.git\n`);
        const digest = async (path: string) =>
          createHash('sha256')
            .update(await readFile(join(served, path)))
            .digest('hex');
        expect(await told()).toEqual([
          {
            ...{ name: 'tool', kind: 'git', path: '/opt/tool' },
            ...{ location: `${at}/checkout/.git`, commit: commits.main },
          },
          {
            ...{ name: 'data', kind: 'tar', path: '/opt/data' },
            ...{ location: `${at}/data.tar.gz`, sha256: await digest('data.tar.gz') },
          },
          {
            ...{ name: 'list', kind: 'file', path: '/etc/list' },
            ...{ location: `${at}/checkout/data-1.0/list`, sha256: await digest('checkout/data-1.0/list') },
          },
        ]);
      },
    ));

  it.each(['v1', 'old', 'refs/changes/01/1/1', 'main'] as const)('takes %s of a repository', ref =>
    fetching(
      `tool git /opt/tool $AT/checkout/.git ${ref === 'old' ? commits.old : ref}\n`,
      {},
      async ({ text, status, said, told }) => {
        expect(status, said).toBe(0);
        const wanted = { v1: 'one', old: 'one', 'refs/changes/01/1/1': 'three', main: 'two' }[ref];
        expect(await text('opt/tool/tool')).toBe(wanted);
        const commit = { v1: commits.old, old: commits.old, main: commits.main }[ref as 'v1'];
        expect(await told()).toMatchObject([{ commit: commit ?? commits.change }]);
      },
    ),
  );

  it.each<[string, Record<string, string>, string | undefined]>([
    ['the branch', { DIB_REPOREF_my_tool: 'v1' }, 'one'],
    ['the place', { DIB_REPOLOCATION_my_tool: 'AT/checkout/.git' }, 'two'],
    ['where all repositories are', { DIB_GITREPOBASE: 'AT/' }, 'two'],
    ['that it is not wanted as source', { DIB_INSTALLTYPE_my_tool: 'package' }, undefined],
    ['that none is wanted', { NO_SOURCE_REPOSITORIES: '1' }, undefined],
  ])('is told %s by a variable', (_what, variables, wanted) => {
    const given = Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [key, value.replace('AT', at)]),
    );
    const location = 'DIB_REPOREF_my_tool' in given ? at : 'http://elsewhere.invalid';
    const lines = `my-tool git /opt/tool ${location}/checkout/.git main\n`;
    return fetching(lines, given, async ({ status, said, text, told }) => {
      expect(status, said).toBe(0);
      if (wanted === undefined) {
        await expect(text('opt/tool/tool')).rejects.toThrow(/ENOENT/);
        return expect(await told()).toEqual([]);
      }
      expect(await text('opt/tool/tool')).toBe(wanted);
      expect(await told()).toMatchObject([{ name: 'my-tool', location: `${at}/checkout/.git` }]);
    });
  });

  it('takes another type by a variable, and of an archive the folder that is named', () =>
    fetching(
      'data git /opt/data nowhere data-1.0\n',
      { DIB_REPOTYPE_data: 'tar', DIB_REPOLOCATION_data: `${at}/data.tar.gz` },
      async ({ status, said, text }) => {
        expect(status, said).toBe(0);
        expect(await text('opt/data/list')).toBe('a list\n');
      },
    ));

  it.each(['', '1'])('asks for what it has got, unless it is offline: %j', offline =>
    fetching('list file /etc/list $AT/checkout/data-1.0/list\n', { DIB_OFFLINE: offline }, async first => {
      expect(first.status, first.said).toBe(0);
      const before = requests.length;
      expect(await first.again()).toMatchObject({ status: 0 });
      expect(requests.length - before).toBe(offline === '' ? 1 : 0);
    }),
  );

  it.each([
    ['a ref that is not there', 'tool git /opt/tool $AT/checkout/.git none', /tool: http:\S+ has no none\n/],
    ['a server that has nothing', 'tool git /opt/tool $AT/nothing/.git main', /not found/],
    ['a file that is not there', 'list file /etc/list $AT/nothing', /there is no http:\S+\/nothing\n/],
    ['a line of other words', 'tool svn /opt/tool $AT/x', /source-repository-site: tool svn .* is not NAME/],
    ['no destination', 'tool git', /tool: no destination is named/],
    [
      'two that want another commit at one place',
      'tool git /opt/tool $AT/checkout/.git main\nagain git /opt/tool $AT/checkout/.git v1',
      /again: \/opt\/tool is there already, and is not v1 of/,
    ],
  ])('ends at %s', (_what, lines, message) =>
    fetching(`${lines}\n`, {}, async ({ status, said }) => {
      expect(status).not.toBe(0);
      expect(said).toMatch(message);
    }),
  );

  it('leaves no login in the image', () =>
    fetching(
      'tool git /opt/tool $AT/checkout/.git main\n',
      { AT: at.replace('//', '//me:secret@') },
      async ({ status, said, tree, told }) => {
        expect(status, said).toBe(0);
        await expect(run(['grep', '-r', 'secret', tree])).rejects.toThrow(/status 1/);
        expect(JSON.stringify(await told())).not.toContain('secret');
      },
    ));
});
