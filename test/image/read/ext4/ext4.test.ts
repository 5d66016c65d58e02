import { link, mkdir, open, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckError } from '../../../../src/host/errors.ts';
import { run } from '../../../../src/host/process.ts';
import {
  debugfs,
  inTemporary,
  listHost,
  listImage,
  makeFilesystem,
  patchBlock,
  withFilesystem,
} from '../tree.ts';

/** The forms of the filesystem that differ in what a reader must do. */
const FORMS: Record<string, string[]> = {
  'ext4 of 4 KiB blocks': ['-t', 'ext4', '-b', '4096'],
  'ext4 of 1 KiB blocks, descriptors of 32 bytes': ['-t', 'ext4', '-b', '1024', '-O', '^64bit'],
  'ext4 with inline data': ['-t', 'ext4', '-b', '4096', '-O', 'inline_data'],
  'ext4 with many small groups': ['-t', 'ext4', '-b', '1024', '-g', '1024'],
  'ext4 without flexible groups': ['-t', 'ext4', '-b', '2048', '-O', '^flex_bg,^metadata_csum'],
  'ext4 with a seed of checksums': ['-t', 'ext4', '-O', 'metadata_csum_seed,large_dir'],
  'ext3 with block maps and inodes of 128 bytes': ['-t', 'ext3', '-b', '1024', '-I', '128'],
  'ext2 of 4 KiB blocks': ['-t', 'ext2', '-b', '4096'],
};

/** A tree with each kind of thing that an unprivileged user can make. */
async function makeTree(tree: string): Promise<void> {
  await mkdir(join(tree, 'deep/er/still'), { recursive: true });
  await writeFile(join(tree, 'empty'), '');
  await writeFile(join(tree, 'short'), 'fits into an inode\n');
  await writeFile(join(tree, 'inline and attribute'), 'x'.repeat(150));
  await writeFile(join(tree, 'deep/er/still/large'), Buffer.alloc(700_001, 'large '));
  await writeFile(join(tree, 'setuid'), '', { mode: 0o755 });
  await run(['chmod', '6755', join(tree, 'setuid')]);
  await run(['mkfifo', '-m', '0620', join(tree, 'pipe')]);
  await link(join(tree, 'short'), join(tree, 'deep/hard link'));
  await symlink('../short', join(tree, 'deep/fast'));
  for (const length of [58, 59, 60, 61, 300]) await symlink('t'.repeat(length), join(tree, `link-${length}`));
  await symlink('/deep/er', join(tree, 'absolute'));
  await writeFile(join(tree, 'Grüße 🐧'), 'a name beyond ASCII');
  await utimes(join(tree, 'short'), 1_000_000_000, 2_000_000_000);
  await utimes(join(tree, 'empty'), 0, -1000);
  await makeSparse(join(tree, 'sparse'), 150);
}

/** Data in every other block: each becomes an extent, or an entry of a block map, of its own. */
async function makeSparse(path: string, pieces: number): Promise<void> {
  const file = await open(path, 'w');
  for (let index = 0; index < pieces; index++) await file.write(`piece ${index}`, index * 8192 + 4096);
  await file.close();
}

describe.each(Object.entries(FORMS))('%s', (_name, options) => {
  test('gives the tree that the host sees', () =>
    inTemporary(async directory => {
      const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
      await mkdir(tree);
      await makeTree(tree);
      await makeFilesystem(tree, image, options, '12M');
      const expected = await listHost(tree);
      expect(await withFilesystem(image, listImage)).toEqual(expected);
    }));
});

/** Random trees: names of any bytes that a name may have, nested, with contents of any kind. */
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter(text => !/[/\0]/.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) < 200);
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.nat(90_000).map(length => new Uint8Array(length).fill(length % 251)),
);
interface Folder {
  readonly files: Record<string, Uint8Array>;
  readonly folders: Record<string, Folder>;
}
const { folder } = fc.letrec<{ folder: Folder }>(tie => ({
  folder: fc.record({
    files: fc.dictionary(name, content, { maxKeys: 6 }),
    folders: fc.oneof({ maxDepth: 3 }, fc.constant({}), fc.dictionary(name, tie('folder'), { maxKeys: 3 })),
  }),
}));

async function writeFolder(path: string, tree: Folder): Promise<void> {
  await mkdir(path);
  for (const [each, bytes] of Object.entries(tree.files)) await writeFile(join(path, each), bytes);
  for (const [each, inner] of Object.entries(tree.folders)) {
    if (!(each in tree.files)) await writeFolder(join(path, each), inner);
  }
}

test('gives any tree as the host sees it', async () => {
  const options = fc.constantFrom(...Object.values(FORMS).filter(each => !each.includes('128')));
  await fc.assert(
    fc.asyncProperty(folder, options, (tree, form) =>
      inTemporary(async directory => {
        await writeFolder(join(directory, 'tree'), tree);
        await makeFilesystem(join(directory, 'tree'), join(directory, 'image'), form);
        expect(await withFilesystem(join(directory, 'image'), listImage)).toEqual(
          await listHost(join(directory, 'tree')),
        );
      }),
    ),
    { numRuns: 25 },
  );
});

test('reads directories with an index, and extent trees of several levels', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(join(tree, 'many'), { recursive: true });
    for (let index = 0; index < 1500; index++)
      await writeFile(join(tree, 'many', `${'n'.repeat(30)}-${index}`), '');
    await makeSparse(join(tree, 'sparse'), 500);
    await makeFilesystem(tree, image, ['-t', 'ext4', '-b', '1024', '-N', '2000'], '16M');
    await run(['e2fsck', '-fyD', image], { accept: [0, 1] });
    expect(await debugfs(image, 'htree_dump /many')).toContain('Root node dump');
    expect(await debugfs(image, 'dump_extents /sparse')).toMatch(/^ [0-2]\/ 2/m);
    expect(await withFilesystem(image, listImage)).toEqual(await listHost(tree));
  }));

/** A small filesystem changed by debugfs, which needs no rights for devices and attributes. */
function withChanged<T>(
  requests: readonly string[],
  body: (image: string) => Promise<T>,
  options = ['-t', 'ext4', '-b', '4096', '-I', '256'],
): Promise<T> {
  return inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(join(tree, 'usr/bin'), { recursive: true });
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'usr/bin/ping'), 'ping');
    await writeFile(join(tree, 'etc/fstab'), 'LABEL=cloudimg-rootfs');
    await symlink('usr/bin', join(tree, 'bin'));
    await symlink('/etc/../etc/fstab', join(tree, 'etc/link'));
    await symlink('loop', join(tree, 'etc/loop'));
    await symlink('../../../../etc/fstab', join(tree, 'usr/up'));
    await makeFilesystem(tree, image, options);
    await debugfs(image, ...requests);
    return body(image);
  });
}

test('tells device nodes of both forms', () =>
  withChanged(
    [
      'mknod null c 1 3',
      'mknod sda b 8 1',
      'mknod big c 1 1',
      'set_inode_field /big block[0] 0',
      'set_inode_field /big block[1] 0x11112c70',
    ],
    image =>
      withFilesystem(image, async root => {
        expect(await root.stat('/null')).toMatchObject({ type: 'character', device: { major: 1, minor: 3 } });
        expect(await root.stat('/sda')).toMatchObject({ type: 'block', device: { major: 8, minor: 1 } });
        expect(await root.stat('/big')).toMatchObject({ device: { major: 300, minor: 70000 } });
      }),
  ));

test('reads a hole at the end of a file', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(tree);
    await writeFile(join(tree, 'file'), 'data');
    await truncate(join(tree, 'file'), 2_500_000);
    await makeFilesystem(tree, image, ['-t', 'ext4']);
    expect(await withFilesystem(image, listImage)).toEqual(await listHost(tree));
  }));

test('reads blocks that are allocated but were never written as zeros', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(tree);
    await writeFile(join(tree, 'file'), 'data');
    // What stood on the disk before must not shine through.
    await writeFile(image, Buffer.alloc(8 * 1024 * 1024, 'old'));
    await makeFilesystem(tree, image, ['-t', 'ext4', '-b', '4096', '-E', 'nodiscard']);
    await debugfs(image, 'fallocate /file 1 6', 'set_inode_field /file size 28000');
    expect(await debugfs(image, 'dump_extents /file')).toContain('Uninit');
    await truncate(join(tree, 'file'), 28_000);
    const content = await withFilesystem(image, root => root.readFile('/file', 30_000));
    expect(content?.equals(await readFile(join(tree, 'file')))).toBe(true);
  }));

test('tells times beyond 2038', () =>
  withChanged(
    ['set_inode_field /etc/fstab mtime 0x2a05f200', 'set_inode_field /etc/fstab mtime_extra 0x2d'],
    image =>
      withFilesystem(image, async root =>
        expect(await root.stat('/etc/fstab')).toMatchObject({
          mtime: { seconds: 5_000_000_000, nanoseconds: 11 },
        }),
      ),
  ));

test('tells owners beyond 16 bits', () =>
  withChanged(['set_inode_field /etc/fstab uid 1234567', 'set_inode_field /etc/fstab gid 7654321'], image =>
    withFilesystem(image, async root =>
      expect(await root.stat('/etc/fstab')).toMatchObject({ uid: 1234567, gid: 7654321 }),
    ),
  ));

test('tells extended attributes in the inode and in a block, capabilities among them', async () => {
  const capability =
    '\\001\\000\\000\\002\\000\\040\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000';
  const requests = [
    `ea_set /usr/bin/ping security.capability "${capability}"`,
    `ea_set /usr/bin/ping user.long ${'v'.repeat(500)}`,
    'ea_set /usr/bin/ping user.short s',
  ];
  await withChanged(requests, image =>
    withFilesystem(image, async root => {
      const found = (await root.stat('/usr/bin/ping'))?.attributes ?? new Map<string, Buffer>();
      expect([...found.keys()]).toEqual(['security.capability', 'user.long', 'user.short']);
      expect(found.get('security.capability')?.toString('hex')).toBe(`0100000200200000${'00'.repeat(12)}`);
      expect(found.get('user.long')?.toString()).toBe('v'.repeat(500));
      expect(found.get('user.short')?.toString()).toBe('s');
    }),
  );
});

test('finds paths as a process in the guest would', () =>
  withChanged([], image =>
    withFilesystem(image, async root => {
      const text = async (path: string) => (await root.readFile(path, 100))?.toString();
      expect(await root.stat('/bin')).toMatchObject({ type: 'symlink', target: 'usr/bin' });
      expect(await root.statFollowed('/bin')).toMatchObject({ type: 'directory', path: '/usr/bin' });
      expect(await text('/bin/ping')).toBe('ping');
      expect(await text('/etc/link')).toBe('LABEL=cloudimg-rootfs');
      // A link cannot climb out of the image.
      expect(await text('/usr/up')).toBe('LABEL=cloudimg-rootfs');
      expect(await root.list('/bin')).toEqual(['ping']);
      for (const missing of ['/etc/loop', '/no', '/etc/fstab/x', '/etc/loop/x']) {
        expect(await root.statFollowed(missing)).toBeUndefined();
      }
      await expect(text('/etc')).rejects.toThrow('is a directory');
      await expect(root.readFile('/etc/fstab', 5)).rejects.toThrow(CheckError);
    }),
  ));

test('keeps names that are not UTF-8', () =>
  inTemporary(async directory => {
    const [tree, image] = [Buffer.from(join(directory, 'tree')), join(directory, 'image')];
    await mkdir(tree);
    await writeFile(Buffer.concat([tree, Buffer.from('/b'), Buffer.from([0xff, 0xc3])]), '');
    await makeFilesystem(tree.toString(), image, ['-t', 'ext4']);
    await withFilesystem(image, async root => {
      expect(await root.list('/')).toEqual(['b\udcff\udcc3', 'lost+found']);
      expect(await root.stat('/b\udcff\udcc3')).toMatchObject({ type: 'file' });
    });
  }));

/** What a hostile or damaged filesystem says, and how the reader answers. */
const HOSTILE: [string, string[], RegExp][] = [
  ['a journal to replay', ['feature needs_recovery'], /journal is not replayed/],
  ['orphans to remove', ['set_super_value last_orphan 12'], /not clean/],
  ['an unclean state', ['set_super_value state 0'], /not clean/],
  ['an unknown feature', ['feature encrypt'], /features we cannot read/],
  ['a huge block', ['set_super_value log_block_size 31'], /impossible block size|no ext4/],
  ['more blocks than the disk', ['set_super_value blocks_count 99999999'], /impossible/],
  ['no inodes in a group', ['set_super_value inodes_per_group 0'], /impossible/],
  ['an inode of another size', ['set_super_value inode_size 100'], /impossible/],
  ['a directory in itself', ['link / /etc/again'], /second place/],
  ['a directory with two names', ['link /usr /etc/usr'], /second place/],
  ['a name without an inode', ['link <60> /etc/ghost'], /not in use/],
  ['a name of the journal', ['link <8> /etc/journal'], /reserved inode/],
  [
    'a file larger than the disk',
    ['set_inode_field /etc/fstab size 30000000'],
    /more than the filesystem has/,
  ],
  ['an extent outside', ['set_inode_field /etc/fstab block[5] 99999999'], /damaged block map/],
  ['an extent tree of no kind', ['set_inode_field /etc/fstab block[0] 0'], /damaged block map/],
  ['attributes outside', ['set_inode_field /etc/fstab file_acl 99999999'], /damaged extended attributes/],
  ['attributes on a block of data', ['set_inode_field /etc/fstab file_acl 5'], /damaged extended attributes/],
  ['an encrypted file', ['set_inode_field /etc/fstab flags 0x80800'], /encrypted/],
  ['an endless symlink', ['set_inode_field /bin size 5000'], /wrong length/],
];

test.each(HOSTILE)('refuses %s', (_what, requests, message) =>
  withChanged(requests, async image => {
    const reading = withFilesystem(image, listImage);
    await expect(reading).rejects.toThrow(CheckError);
    await expect(reading).rejects.toThrow(message);
  }),
);

/** Changes to the block of /etc, which holds `.`, `..`, `fstab`, `link` and `loop`. */
const FORGED: [string, (block: Buffer) => void, RegExp][] = [
  ['a name with a slash', block => block.write('f/tab', block.indexOf('fstab')), /impossible name/],
  ['a name with a zero', block => block.write('f\0tab', block.indexOf('fstab')), /impossible name/],
  ['a name of no length', block => block.writeUInt8(0, block.indexOf('fstab') - 2), /impossible name/],
  ['one name twice', block => block.write('loop', block.indexOf('link')), /"loop" twice/],
  [
    'an entry beyond the block',
    block => block.writeUInt16LE(4096, block.indexOf('fstab') - 4),
    /damaged entry/,
  ],
  [
    'an entry shorter than its name',
    block => block.writeUInt16LE(8, block.indexOf('fstab') - 4),
    /damaged entry/,
  ],
  ['an entry of no length', block => block.writeUInt16LE(0, block.indexOf('fstab') - 4), /damaged entry/],
];

test.each(FORGED)('refuses a directory with %s', (_what, change, message) =>
  withChanged([], async image => {
    const [block = 0] = await blocksOf(image, '/etc');
    await patchBlock(image, block, 4096, change);
    await expect(withFilesystem(image, listImage)).rejects.toThrow(message);
  }),
);

async function blocksOf(image: string, path: string): Promise<number[]> {
  const rows = (await debugfs(image, `blocks ${path}`))
    .split('\n')
    .filter(row => /^\d[\d ]*$/.test(row.trim()));
  return (rows[0] ?? '').trim().split(' ').map(Number);
}

test('refuses attributes that reach out of their block', () =>
  withChanged([`ea_set /etc/fstab user.long ${'v'.repeat(500)}`], async image => {
    const block = Number(/File ACL: (\d+)/.exec(await debugfs(image, 'stat /etc/fstab'))?.[1]);
    await patchBlock(image, block, 4096, bytes => bytes.writeUInt16LE(4000, 32 + 2));
    await expect(withFilesystem(image, listImage)).rejects.toThrow(/damaged extended attributes/);
  }));

test('reads a symlink that has a block of attributes', () =>
  withChanged([`ea_set /bin trusted.long ${'v'.repeat(500)}`], image =>
    withFilesystem(image, async root =>
      expect(await root.stat('/bin')).toMatchObject({ type: 'symlink', target: 'usr/bin' }),
    ),
  ));

test('reads a file behind three levels of indirection', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(tree);
    const file = await open(join(tree, 'sparse'), 'w');
    for (const at of [0, 12, 13, 12 + 256, 12 + 256 + 65536, 70_000])
      await file.write(`block ${at}`, at * 1024);
    await file.close();
    await makeFilesystem(tree, image, ['-t', 'ext2', '-b', '1024'], '80M');
    expect(await withFilesystem(image, listImage)).toEqual(await listHost(tree));
  }));

test('refuses extents that overlap, and inner nodes that are empty', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(tree);
    await makeSparse(join(tree, 'few'), 3);
    await makeSparse(join(tree, 'many'), 100);
    await makeFilesystem(tree, image, ['-t', 'ext4', '-b', '1024']);
    const [leaf = ''] = /(?<=\(ETB0\):)\d+/.exec(await debugfs(image, 'stat /many')) ?? [];
    await patchBlock(image, Number(leaf), 1024, bytes => bytes.writeUInt16LE(0, 2));
    await expect(withFilesystem(image, root => root.readFile('/many', 1e7))).rejects.toThrow(
      /damaged block map/,
    );
    expect((await withFilesystem(image, root => root.readFile('/few', 1e7)))?.length).toBeGreaterThan(0);
    await debugfs(image, 'set_inode_field /few block[6] 1');
    await expect(withFilesystem(image, root => root.readFile('/few', 1e7))).rejects.toThrow(
      /damaged block map/,
    );
  }));

test('a truncated filesystem is refused', () =>
  withChanged([], async image => {
    await run(['truncate', '-s', '-4096', image]);
    await expect(withFilesystem(image, listImage)).rejects.toThrow(/number of blocks/);
  }));

test('many files of one size cannot keep the reader busy', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    const names = Array.from({ length: 60 }, (_, index) => `copy-${index}`);
    await mkdir(tree);
    for (const each of names) await writeFile(join(tree, each), '');
    await makeFilesystem(tree, image, ['-t', 'ext4', '-b', '4096', '-O', '^has_journal'], '6M');
    await debugfs(image, ...names.map(each => `set_inode_field /${each} size 5000000`));
    await expect(withFilesystem(image, listImage)).rejects.toThrow(/many times its size/);
  }));

test('no damage makes it fail in another way than by a CheckError', () =>
  inTemporary(async directory => {
    const [tree, image] = [join(directory, 'tree'), join(directory, 'image')];
    await mkdir(tree);
    await makeTree(tree);
    await makeFilesystem(tree, image, ['-t', 'ext4', '-b', '1024', '-O', 'inline_data', '-N', '64'], '3M');
    const whole = await readFile(image);
    const used = interestingBytes(whole);
    const byte = fc.tuple(fc.constantFrom(...used), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 6 }), async damage => {
        const file = await open(image, 'r+');
        for (const [at, value] of damage) await file.write(Buffer.from([value]), 0, 1, at);
        const outcome = await withFilesystem(image, listImage).catch((error: unknown) => error);
        for (const [at] of damage) await file.write(whole, at, 1, at);
        await file.close();
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CheckError);
      }),
      { numRuns: 300 },
    );
  }));

/** Offsets of bytes that hold structure: not zero, and not the content of the large files. */
function interestingBytes(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 1024; at < bytes.length; at++) {
    const value = bytes[at];
    if (
      value !== 0 &&
      !bytes
        .subarray(at, at + 6)
        .toString('latin1')
        .match(/^[large ]{6}$/)
    )
      found.push(at);
  }
  return found;
}
