import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { BUILD_RULES, CLEAR_REST, WITHOUT_DOCUMENTATION } from '../../src/image/documentation.ts';

const DOCUMENTS = {
  'usr/share/doc/tool/README.Debian': 'out',
  'usr/share/doc/tool/examples/deep/one': 'out',
  'usr/share/doc/tool/examples/copyright': 'kept',
  'usr/share/doc/tool/copyright': 'kept',
  'usr/share/doc/tool/changelog.gz': 'kept',
  'usr/share/doc/tool/changelog.Debian.gz': 'kept',
  'usr/share/doc/tool/changelog.Debian.amd64.gz': 'kept',
  'usr/share/doc/loose': 'out',
  'usr/share/doc-base/tool': 'out',
  'usr/share/gtk-doc/html/tool/index.html': 'out',
  'usr/share/info/tool.info.gz': 'out',
  'usr/share/man/man1/tool.1.gz': 'out',
  'usr/share/man/de/man1/tool.1.gz': 'out',
  'usr/share/manual': 'kept',
  'usr/bin/tool': 'kept',
} as const;

const CONTROL =
  'Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.example>\nDescription: a tool\n';

let folder: string;
let deb: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-documentation-'));
  const root = join(folder, 'package');
  await put(root, 'DEBIAN/control', CONTROL);
  for (const path of Object.keys(DOCUMENTS)) await put(root, path, path);
  await symlink('README.Debian', join(root, 'usr/share/doc/tool/README'));
  deb = join(folder, 'tool.deb');
  await run(['dpkg-deb', '--root-owner-group', '--build', root, deb]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function put(root: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function filesBelow(root: string): Promise<string[]> {
  const { stdout } = await run(['find', join(root, 'usr'), '!', '-type', 'd', '-printf', '%P\n']);
  return stdout.trimEnd().split('\n').sort();
}

it('dpkg leaves out what the rules say, and an unpacked package comes to the same', async () => {
  const [root, unpacked] = [join(folder, 'root'), join(folder, 'unpacked')];
  await mkdir(join(root, 'var/lib/dpkg/updates'), { recursive: true });
  await mkdir(join(root, 'var/lib/dpkg/info'));
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  const words = [`--root=${root}`, '--log=/dev/null', '--force-not-root', '--force-bad-path'];
  await run(['dpkg', ...words, ...BUILD_RULES.map(rule => `--${rule}`), '--unpack', deb]);
  const kept = Object.entries(DOCUMENTS).flatMap(([path, what]) => (what === 'kept' ? [path.slice(4)] : []));
  expect(await filesBelow(root)).toEqual([...kept, 'share/doc/tool/README'].sort());

  await run(['dpkg-deb', '--extract', deb, unpacked]);
  await run(['sh', '-c', `${WITHOUT_DOCUMENTATION}without_documentation "$1"`, 'without', unpacked]);
  expect(await filesBelow(unpacked)).toEqual(await filesBelow(root));
});

it('what is left over goes at the end: the changes of upstreams, dead links and empty folders', async () => {
  const root = join(folder, 'image/usr/share/doc');
  await put(root, 'debian/changelog.gz', '');
  await put(root, 'upstream/changelog.gz', '');
  await put(root, 'upstream/changelog.Debian.gz', '');
  await mkdir(join(root, 'upstream/examples/deep'), { recursive: true });
  await symlink('nowhere', join(root, 'upstream/README'));
  await symlink('upstream', join(root, 'library'));
  await run(['sh', '-c', CLEAR_REST.replace('/usr/share/doc', root)]);
  const { stdout } = await run(['find', root, '-mindepth', '1', '-printf', '%P\n']);
  expect(stdout.trimEnd().split('\n').sort()).toEqual(
    ['debian', 'debian/changelog.gz', 'library', 'upstream', 'upstream/changelog.Debian.gz'].sort(),
  );
});
