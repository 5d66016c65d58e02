import { createHash } from 'node:crypto';
import { link, mkdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import {
  compareDocuments,
  DOCUMENTS,
  type DocumentsRequest,
  readDocuments,
  writeDocuments,
} from '../../src/image/documents.ts';
import { inspectSeal } from '../../src/image/inspect.ts';
import { LEFTOVERS, LOGINS, plantLeftovers } from './leftovers.ts';
import { makeDisk } from './made-disk.ts';
import { debugfs, inTemporary } from './read/tree.ts';

const MIB = 1024 * 1024;
const STATUS = 'Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n';
const SUBJECT = {
  image: 'debian-12',
  version: '1.1',
  distribution: 'debian',
  release: '12',
  inputDigest: 'f',
  epoch: 0,
};

interface MadeDisk {
  readonly directory: string;
  readonly core: string;
  readonly request: DocumentsRequest;
  /** Runs requests of debugfs on the root filesystem. */
  change(...requests: string[]): Promise<void>;
}

/** A disk with a GPT whose second partition is an ext4 of a small tree, by no code of ours. */
function withDisk<T>(
  body: (made: MadeDisk) => Promise<T>,
  more: (tree: string) => Promise<unknown> = async () => {},
): Promise<T> {
  return inTemporary(async directory => {
    const [tree, core, raw] = ['tree', 'core', 'disk.raw'].map(name => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const path of ['var/lib/dpkg', 'etc', 'usr/bin']) await mkdir(join(tree, path), { recursive: true });
    await mkdir(core);
    await writeFile(join(tree, 'var/lib/dpkg/status'), STATUS);
    await writeFile(join(tree, 'etc/machine-id'), '');
    await writeFile(join(tree, 'usr/bin/tool'), 'tool', { mode: 0o755 });
    await link(join(tree, 'usr/bin/tool'), join(tree, 'usr/bin/same'));
    await symlink('tool', join(tree, 'usr/bin/link'));
    await utimes(join(tree, 'usr/bin/tool'), 1, 1_700_000_000);
    await more(tree);
    const root = await makeDisk(tree, raw);
    const change = async (...requests: string[]) => void (await debugfs(root, ...requests));
    return body({
      directory,
      core,
      request: { ...SUBJECT, raw, filesystems: [{ partition: 2, mountPoint: '/' }] },
      change,
    });
  });
}

test('tells each file of the image, and the same each time', () =>
  withDisk(async ({ core, request }) => {
    await writeDocuments(core, request);
    const lines = (await readFile(join(core, DOCUMENTS.inventory), 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(lines[0]).toEqual({ formatVersion: 1, image: 'debian-12', version: '1.1' });
    const paths = lines.slice(1).map(line => line.path);
    expect(paths).toEqual([...paths].sort());
    const tool = lines.find(line => line.path === '/usr/bin/tool');
    expect(tool).toMatchObject({
      ...{ type: 'file', mode: '0755', size: 4, mtime: 1_700_000_000 },
      sha256: createHash('sha256').update('tool').digest('hex'),
    });
    expect(lines.find(line => line.path === '/usr/bin/same')).toMatchObject({ hardLink: tool.hardLink });
    expect(lines.find(line => line.path === '/usr/bin/link')).toMatchObject({
      type: 'symlink',
      target: 'tool',
    });
    expect(await readFile(join(core, DOCUMENTS.packages), 'utf8')).toBe('base-files 12.4 amd64\n');
    await compareDocuments(core, await readDocuments(request));
  }));

const CHANGES: [string, string[], RegExp][] = [
  ['the mode of a file', ['set_inode_field /usr/bin/tool mode 0104755'], /same has mode 4755 and not 0755/],
  ['the owner of a file', ['set_inode_field /usr/bin/tool uid 7'], /has uid 7 and not \d+ \(and 1 more\)/],
  ['the target of a symlink', ['unlink /usr/bin/link', 'symlink /usr/bin/link sh'], /\/usr\/bin\/link has /],
  [
    'a capability',
    ['ea_set /usr/bin/tool security.capability "\\001\\000\\000\\002"'],
    /same has attributes .*security.capability.* and not none/,
  ],
  ['a device node', ['cd /etc', 'mknod disk b 8 0'], /\/etc\/disk is in the image only/],
  ['one file less', ['unlink /usr/bin/link'], /link is not in the image/],
];

test.each(CHANGES)('notices %s', (_what, requests, message) =>
  withDisk(async ({ core, request, change }) => {
    await writeDocuments(core, request);
    await change(...requests);
    const comparing = readDocuments(request).then(actual => compareDocuments(core, actual));
    await expect(comparing).rejects.toThrow(CheckError);
    await expect(comparing).rejects.toThrow(message);
  }),
);

test('notices a list of packages or an SBOM that was edited, or is gone', () =>
  withDisk(async ({ core, request }) => {
    const actual = await writeDocuments(core, request);
    await writeFile(join(core, DOCUMENTS.packages), 'base-files 12.5 amd64\n');
    await expect(compareDocuments(core, actual)).rejects.toThrow(
      /packages.txt .* line 1 says base-files 12.5/,
    );
    await writeFile(join(core, DOCUMENTS.packages), `${actual.packages}extra 1 amd64\n`);
    await expect(compareDocuments(core, actual)).rejects.toThrow(
      /line 2 says extra 1 amd64, the image nothing/,
    );
    await writeFile(join(core, DOCUMENTS.packages), actual.packages);
    await writeFile(join(core, DOCUMENTS.sbom), actual.sbom.replace('12.4', '12.5'));
    await expect(compareDocuments(core, actual)).rejects.toThrow(/sbom.spdx.json/);
    await run(['rm', join(core, DOCUMENTS.inventory)]);
    await expect(compareDocuments(core, actual)).rejects.toThrow(/inventory.jsonl cannot be read/);
  }));

test('refuses a disk without that partition, or cut short', () =>
  withDisk(async ({ request }) => {
    const at = (partition: number) => ({ ...request, filesystems: [{ partition, mountPoint: '/' }] });
    await expect(readDocuments(at(3))).rejects.toThrow(/no partition 3/);
    await expect(readDocuments(at(1))).rejects.toThrow(/no ext4/);
    await truncate(request.raw, 11 * MIB);
    await expect(readDocuments(request)).rejects.toThrow(/truncated/);
  }));

test('a sealed image passes', () =>
  withDisk(async ({ request }) => {
    const documents = await readDocuments(request);
    expect(inspectSeal(documents)).toEqual([]);
  }));

const LEFT: [string, (tree: string) => Promise<unknown>, RegExp][] = [
  [
    'a machine id',
    tree => writeFile(join(tree, 'etc/machine-id'), 'b08dfa6083e7567a1921a715000001fb'),
    /^etc\/machine-id .*same machine/,
  ],
  [
    'host keys',
    async tree => {
      await mkdir(join(tree, 'etc/ssh'));
      for (const kind of ['rsa', 'ed25519'])
        await writeFile(join(tree, `etc/ssh/ssh_host_${kind}_key`), 'key');
    },
    /ssh_host_.*\n.*ssh_host_/,
  ],
  [
    'logs',
    async tree => {
      await mkdir(join(tree, 'var/log'));
      await writeFile(join(tree, 'var/log/dpkg.log'), 'log');
    },
    /dpkg\.log/,
  ],
  [
    'the build host’s resolver',
    tree => writeFile(join(tree, 'etc/resolv.conf'), 'nameserver 10.0.0.1'),
    /resolver/,
  ],
];

test.each(LEFT)('an image with %s is not sealed', (_what, leave, message) =>
  withDisk(async ({ request }) => {
    const findings = inspectSeal(await readDocuments(request));
    expect(findings.map(({ path, rule }) => `${path} ${rule.why}`).join('\n')).toMatch(message);
  }, leave),
);

test('a link to the local resolver may stay', () =>
  withDisk(
    async ({ request }) => expect(inspectSeal(await readDocuments(request))).toEqual([]),
    tree => symlink('../run/systemd/resolve/stub-resolv.conf', join(tree, 'etc/resolv.conf')),
  ));

test('every kind of thing that a build leaves behind is found in the finished image, and nothing that was asked for', () =>
  withDisk(async ({ request }) => {
    const documents = await readDocuments(request);
    const found = inspectSeal(documents, LOGINS).map(({ path }) => path);
    const missed = Object.values(LEFTOVERS).flatMap(files =>
      Object.keys(files).filter(path => !found.includes(path)),
    );
    expect(missed).toEqual([]);
    expect(found).not.toContain('home/debian/.ssh/authorized_keys');
    expect(inspectSeal(documents).map(({ path }) => path)).toContain('home/debian/.ssh/authorized_keys');
  }, plantLeftovers));
