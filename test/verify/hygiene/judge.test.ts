import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../../src/boot/types.ts';
import { createContext } from '../../../src/host/context.ts';
import { ImageContent } from '../../../src/image/content.ts';
import type { Entry } from '../../../src/image/read/filesystem.ts';
import { judgeWritten } from '../../../src/verify/hygiene/judge.ts';
import type { Listed } from '../../../src/verify/hygiene/listing.ts';
import { sinceImage } from '../../../src/verify/hygiene/running-image.ts';
import type { ImageUnderTest } from '../../../src/verify/offline/types.ts';
import { guestUnderTest, unwrapped } from '../guest.ts';

const EPOCH = 1000;
const CONTENT: Readonly<Record<string, string>> = {
  '/etc/apt/sources.list': 'deb http://mirror.example.net/debian bookworm main\n',
  '/var/lib/dpkg/info/tool.md5sums': 'd41d8cd98f00b204e9800998ecf8427e  usr/bin/tool\n',
  '/var/lib/dpkg/status': '',
  '/usr/bin/tool': '',
};

let root = '';

beforeAll(async () => {
  root = await mkdtemp('/tmp/image-factory-hygiene-');
});

afterAll(() => rm(root, { recursive: true, force: true }));

function entry(path: string, more: Partial<Entry> = {}): Entry {
  const owner = { uid: 0, gid: 0, links: 1, inode: 1, mtime: { seconds: EPOCH, nanoseconds: 0 } };
  const size = CONTENT[path]?.length ?? 0;
  return { path, type: 'file', mode: 0o644, size, ...owner, attributes: new Map(), ...more };
}

/** An image with one package and one source of packages; what its offline checks would say is of no interest. */
function image(...more: Entry[]): ImageUnderTest {
  const all = [...Object.keys(CONTENT).map(path => entry(path)), ...more];
  const entries = new Map(all.map(each => [each.path, each]));
  const roots = new Map(
    [...entries.keys()].map(path => {
      const bytes = Buffer.from(CONTENT[path] ?? '');
      return [
        path,
        {
          async *read() {
            yield bytes;
          },
        },
      ];
    }),
  );
  const line = { mirror: { image: 'http://mirror.example.net/debian' }, repositories: [] };
  const manifest = { epoch: EPOCH, builder: { host: 'builder-17.example.net' }, line };
  const content = new ImageContent(entries, roots);
  return { context: createContext(), content, line, manifest } as unknown as ImageUnderTest;
}

/** All of the image as it was, but for what a test says. */
function listed(...more: readonly (Partial<Listed> & { path: string })[]): Listed[] {
  const all = new Map<string, Listed>();
  for (const path of Object.keys(CONTENT)) all.set(path, { ...entry(path), changed: EPOCH });
  for (const each of more) all.set(each.path, { ...entry(each.path), changed: EPOCH + 1e6, ...each });
  return [...all.values()];
}

/** A guest whose root is a folder of this host, and whose tar is this host's. */
function guest(allow: ReturnType<typeof guestUnderTest>['allow'] = {}) {
  const ssh: Machine['ssh'] = (command, { input } = {}) =>
    new Promise((resolve, reject) => {
      const script = unwrapped(command).replace('tar -c', `tar -C ${root} -c`);
      const child = execFile('sh', ['-c', script], (error, stdout, stderr) =>
        error === null ? resolve({ status: 0, stdout, stderr }) : reject(error),
      );
      child.stdin?.end(input?.toString().replaceAll(/(^|\0)\//g, '$1./'));
    });
  const { machine, ...rest } = guestUnderTest();
  return { ...rest, machine: { ...machine, ssh }, allow };
}

async function write(path: string, text: string, mode = 0o644): Promise<Partial<Listed> & { path: string }> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return { path, mode, size: (await stat(file)).size };
}

async function wrong(files: Listed[], allow = {}): Promise<string[]> {
  const before = image();
  return judgeWritten(guest(allow), before, sinceImage(before.content, files, EPOCH));
}

describe('what a guest wrote since its image was made', () => {
  it('passes where it is harmless', async () => {
    expect(await wrong(listed(await write('/etc/hosts', '127.0.0.1 localhost\n')))).toEqual([]);
  });

  it('passes where services of a running system have it so', async () => {
    const tmp = { type: 'directory', mode: 0o1777 } as const;
    const files = listed(
      { path: '/tmp/systemd-private-1-x/tmp', ...tmp },
      { path: '/run/cloud-init/tmp', ...tmp },
      { path: '/run/systemd/notify', type: 'socket', mode: 0o777 },
    );
    expect(await wrong(files)).toEqual([]);
    const others = [
      { path: '/srv/all', ...tmp },
      { path: '/run', ...tmp },
      { path: '/run/x', mode: 0o666 },
    ];
    expect(await wrong(listed(...others))).toHaveLength(3);
  });

  it('is not what the image had before: that was judged already', async () => {
    const old = { path: '/usr/bin/old', mode: 0o4755 };
    const before = image(entry(old.path, old));
    const { changed } = sinceImage(before.content, listed({ ...old, changed: EPOCH }), EPOCH);
    expect(changed).toEqual([]);
  });

  it('is what was given other rights, or another owner', () => {
    const { content } = image();
    const others = [{ mode: 0o600 }, { uid: 7 }, { gid: 7 }, { size: 7 }, { changed: EPOCH + 2 }];
    for (const other of others) {
      const path = '/usr/bin/tool';
      const { changed } = sinceImage(content, listed({ path, changed: EPOCH, ...other }), EPOCH);
      expect(changed.map(each => each.path)).toEqual([path]);
    }
  });

  it.each<[string, string, string, number, RegExp]>([
    [
      'set-id',
      '/usr/local/bin/shell',
      '#!/bin/sh\n',
      0o4755,
      /^set-id: \/usr\/local\/bin\/shell: an unknown/,
    ],
    ['world-writable', '/etc/cron.d/app', '', 0o666, /^world-writable: \/etc\/cron\.d\/app: everybody/],
    [
      'package-files',
      '/usr/bin/tool',
      'changed',
      0o644,
      /^package-files: \/usr\/bin\/tool: it is not as tool/,
    ],
    [
      ...['package-sources', '/etc/apt/sources.list.d/a.list'],
      ...['deb http://other.example.net/x y main\n', 0o644],
      /^package-sources: \S+a\.list: http:\/\/other\.example\.net\/x is no mirror/,
    ] as [string, string, string, number, RegExp],
    [
      'secrets',
      '/etc/app.conf',
      `x ghp_${'a1B2'.repeat(9)}\n`,
      0o644,
      /^secrets: \/etc\/app\.conf: it holds a GitHub/,
    ],
    [
      'build-host',
      '/etc/motd',
      'made on builder-17.example.net\n',
      0o644,
      /^build-host: \/etc\/motd: it names builder-17/,
    ],
  ])('is judged by %s, and by the list of what is allowed there', async (name, path, text, mode, says) => {
    const files = listed(await write(path, text, mode));
    expect(await wrong(files)).toEqual([expect.stringMatching(says)]);
    expect(await wrong(files, { [name]: { [path]: { reason: 'ours' } } })).toEqual([]);
  });

  it('misses a file of a package that is gone', async () => {
    const files = listed().filter(({ path }) => path !== '/usr/bin/tool');
    expect(await wrong(files)).toEqual(['package-files: /usr/bin/tool: it is gone, and tool brought it']);
  });

  it('is to be there for all that is an instance’s own', async () => {
    const key = '/etc/ssh/ssh_host_rsa_key';
    const before = image(entry(key));
    const since = sinceImage(before.content, listed({ path: key, changed: EPOCH }), EPOCH);
    expect(await judgeWritten(guest(), before, since)).toEqual([
      expect.stringMatching(/^sealed: \/etc\/ssh\/ssh_host_rsa_key: every instance/),
    ]);
  });

  it('says so where tar is not to be had', async () => {
    const before = image();
    const files = listed(await write('/etc/hosts', 'x'));
    const broken = {
      ...guest(),
      machine: { ...guest().machine, ssh: async () => ({ status: 127, stdout: '', stderr: '' }) },
    };
    await expect(judgeWritten(broken, before, sinceImage(before.content, files, EPOCH))).rejects.toThrow(
      /what tar in the guest hands over is cut short/,
    );
  });
});
