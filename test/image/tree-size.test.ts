import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { mke2fsOptions } from '../../src/image/filesystems.ts';
import { derivedUuid } from '../../src/image/layout.ts';
import {
  BLOCK,
  entriesBelow,
  FIND_FORMAT,
  filesystemSize,
  parseFind,
  type TreeEntry,
} from '../../src/image/tree-size.ts';
import { inTemporary } from '../host/support.ts';

const MIB = 1024 * 1024;

describe('parseFind', () => {
  it('reads what find prints, whatever the names are', () =>
    inTemporary(async folder => {
      const names = ['plain', 'two words', 'new\nline', ' lead', '-x', 'ü', 'a "quoted" one'];
      for (const name of names) await writeFile(join(folder, name), name);
      await symlink('plain', join(folder, 'link'));
      await mkdir(join(folder, 'sub'));
      const entries = parseFind((await run(['find', folder, '-printf', FIND_FORMAT])).stdout);
      const byPath = new Map(entries.map(each => [each.path, each]));
      for (const name of names) {
        const { size, ino } = await stat(join(folder, name));
        expect(byPath.get(name)).toEqual({ type: 'f', size, inode: String(ino), path: name });
      }
      expect(byPath.get('link')?.type).toBe('l');
      expect(byPath.get('sub')?.type).toBe('d');
      expect(byPath.get('')?.type).toBe('d');
    }));
});

describe('filesystemSize', () => {
  const OPTIONS = { journal: 64 * MIB, reserve: 0, slack: 0.036 };
  const file = (index: number, size: number): TreeEntry => ({
    type: 'f',
    size,
    inode: String(index),
    path: `folder/file-${index}`,
  });
  const files = (sizes: readonly number[]) => sizes.map((size, index) => file(index, size));
  const sizes = fc.array(fc.integer({ min: 0, max: 1 << 28 }), { maxLength: 200 });

  it('has room for content, journal, reserve and an inode for each', () => {
    fc.assert(
      fc.property(sizes, fc.nat(1 << 20), (each, reserve) => {
        const { bytes, bytesPerInode } = filesystemSize(files(each), {
          ...OPTIONS,
          reserve: reserve * BLOCK,
        });
        const content = each.reduce((sum, size) => sum + Math.ceil(size / BLOCK) * BLOCK, 0);
        expect(bytes % MIB).toBe(0);
        expect(bytes).toBeGreaterThan(content + OPTIONS.journal + reserve * BLOCK);
        expect(bytes / bytesPerInode).toBeGreaterThan(each.length);
      }),
    );
  });

  it('grows with content and with every file', () => {
    fc.assert(
      fc.property(sizes, fc.nat(1 << 28), (each, more) => {
        const [less, grown] = [
          filesystemSize(files(each), OPTIONS),
          filesystemSize(files([...each, more]), OPTIONS),
        ];
        if (grown.bytesPerInode <= less.bytesPerInode) expect(grown.bytes).toBeGreaterThanOrEqual(less.bytes);
      }),
    );
  });

  it('has enough inodes for a tree of nothing but empty files', () => {
    const { bytes, bytesPerInode } = filesystemSize(files(Array<number>(300_000).fill(0)), OPTIONS);
    expect(bytes / bytesPerInode).toBeGreaterThan(300_000);
  });

  it('counts a file with several names once', () => {
    const one = filesystemSize([file(1, 100 * MIB)], OPTIONS).bytes;
    const linked = [file(1, 100 * MIB), { ...file(1, 100 * MIB), path: 'again' }];
    expect(filesystemSize(linked, OPTIONS).bytes).toBe(one);
  });

  /** Makes the filesystem as assemble.ts does, and gives the share of it that is free. */
  async function made(folder: string, tree: string, journal = OPTIONS.journal): Promise<number> {
    const entries = parseFind((await run(['find', tree, '-xdev', '-printf', FIND_FORMAT])).stdout);
    const { bytes, bytesPerInode } = filesystemSize(entries, { ...OPTIONS, journal });
    const image = join(folder, 'image');
    const volume = { uuid: derivedUuid('test'), label: 'root' };
    await run([
      ...['mke2fs', '-q', '-F', ...mke2fsOptions(volume, { bytesPerInode, journal })],
      ...['-E', 'lazy_itable_init=0,nodiscard,root_owner=0:0', '-d', tree, image, `${bytes / 1024}k`],
    ]);
    await run(['e2fsck', '-fn', image]);
    const told = (await run(['dumpe2fs', '-h', image])).stdout;
    const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(told)?.[1]);
    return number('Free blocks') / number('Block count');
  }

  /** Files of content: mke2fs would leave out what is a hole, or all zeros. */
  async function filled(folder: string, sizes: readonly number[]): Promise<void> {
    await mkdir(folder, { recursive: true });
    const script = 'yes | head -c "$1" > "$2"';
    for (const [index, size] of sizes.entries()) {
      await run(['sh', '-c', script, 'fill', String(size), join(folder, `file-${index}`)]);
    }
  }

  it.each<[string, (tree: string) => Promise<void>]>([
    ['a few large files', tree => filled(tree, [120 * MIB, 90 * MIB, 30 * MIB + 1])],
    [
      'many small files in many folders, as packages bring them',
      async tree => {
        for (let folder = 0; folder < 20; folder++) {
          await mkdir(join(tree, `share/package-${folder}`), { recursive: true });
          for (let index = 0; index < 60; index++) {
            const path = join(tree, `share/package-${folder}`, `a-file-with-a-longer-name-${index}`);
            await writeFile(path, 'x'.repeat((index * 1627) % 9000));
          }
        }
        await filled(join(tree, 'lib'), [180 * MIB]);
      },
    ],
    [
      'one folder of a thousand links, long and short',
      async tree => {
        await mkdir(join(tree, 'names'));
        for (let index = 0; index < 1000; index++) {
          await symlink('t'.repeat(index % 2 ? 20 : 90), join(tree, 'names', `${'n'.repeat(60)}-${index}`));
        }
        await filled(join(tree, 'lib'), [200 * MIB]);
      },
    ],
  ])('is enough for mke2fs, and leaves at most a twentieth free, for %s', (_what, grow) =>
    inTemporary(async folder => {
      const tree = join(folder, 'tree');
      await mkdir(tree);
      await grow(tree);
      const free = await made(folder, tree);
      expect(free).toBeLessThan(0.05);
      expect(free).toBeGreaterThan(0.005);
    }),
  );

  it('is enough where every file is empty', () =>
    inTemporary(async folder => {
      const tree = join(folder, 'tree');
      await mkdir(tree);
      // So many that inodes, not blocks, decide.
      await run([
        'sh',
        '-c',
        'cd "$1" && mkdir $(seq 50) && for d in *; do (cd $d && seq 100 | xargs touch); done',
        'touch',
        tree,
      ]);
      await made(folder, tree, 4 * MIB);
    }));
});

describe('entriesBelow', () => {
  const entry = (path: string): TreeEntry => ({ type: 'f', size: 1, inode: path, path });
  const tree = ['', 'boot', 'boot/efi', 'boot/efi/x', 'boot/vmlinuz', 'bootx', 'var', 'var/lib', 'etc'].map(
    entry,
  );

  it.each([
    ['/', ['/boot', '/var'], ['', 'boot', 'bootx', 'var', 'etc']],
    ['/boot', ['/boot/efi'], ['', 'efi', 'vmlinuz']],
    ['/var', [], ['', 'lib']],
    ['/home', [], []],
  ])('of %s leaves out what is below %j', (point, below, wanted) => {
    expect(entriesBelow(tree, point, below).map(each => each.path)).toEqual(wanted);
  });
});
