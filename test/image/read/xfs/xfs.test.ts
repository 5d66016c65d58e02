import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CheckError } from '../../../../src/host/errors.ts';
import { run } from '../../../../src/host/process.ts';
import { openDisk } from '../../../../src/image/read/disk.ts';
import type { Filesystem } from '../../../../src/image/read/filesystem.ts';
import { openFilesystem } from '../../../../src/image/read/open.ts';
import type { Region } from '../../../../src/image/read/region.ts';
import { parseLeaf, parseShort } from '../../../../src/image/read/xfs/attribute-list.ts';
import { readSuperblock } from '../../../../src/image/read/xfs/superblock.ts';
import { Volume } from '../../../../src/image/read/xfs/volume.ts';
import { Xfs } from '../../../../src/image/read/xfs/xfs.ts';
import { type Listing, listImage } from '../tree.ts';

const SIZE = 300 * 1024 * 1024;
const BLOCK = 4096;
/** What a read of the log would cost each time. */
const withoutLog = async (region: Region) => new Xfs(new Volume(region, await readSuperblock(region)));

let folder = '';
let image = '';

/** The host's mkfs.xfs takes its files from a list, which knows no times, attributes or second names; the rest is tried
 * where mkfs.xfs of the tools tree makes it (test/end-to-end/xfs.test.ts). */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-read-xfs-'));
  image = join(folder, 'image');
  await writeFile(join(folder, 'content'), Buffer.alloc(700_001, 'large '));
  const many = Array.from({ length: 400 }, (_, index) => `${'n'.repeat(30)}-${index} ---644 0 0 /dev/null`);
  const few = Array.from({ length: 2 }, (_, index) => `few-${index} ---600 1 ${index} ${folder}/content`);
  const tree = [
    ...['/dev/null', '0 0', 'd--755 0 0', 'etc d--750 3 4', 'link l--777 0 0 ../target'],
    ...['ping -u-755 0 7 /dev/null', 'pipe p--620 5 6', '$'],
    ...['many d--755 0 0', ...many, '$', 'few d--755 0 0', ...few, '$', '$', ''],
  ];
  await writeFile(join(folder, 'proto'), tree.join('\n'));
  await run(['truncate', '-s', String(SIZE), image]);
  const options = ['-d', 'agcount=2', '-i', 'nrext64=0', '-n', 'ftype=1', '-L', 'img-rootfs'];
  await run(['mkfs.xfs', '-q', '-f', ...options, '-p', join(folder, 'proto'), image]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function using<T>(
  opened: (region: Region) => Promise<Filesystem>,
  body: (root: Filesystem) => Promise<T>,
) {
  const disk = await openDisk(image);
  try {
    return await body(await opened({ disk, offset: 0, size: disk.size }));
  } finally {
    await disk.close();
  }
}

/** Changes bytes for the time of body. */
async function changed<T>(damage: readonly (readonly [at: number, bytes: Buffer])[], body: () => Promise<T>) {
  const file = await open(image, 'r+');
  const before: [number, Buffer][] = [];
  for (const [at, bytes] of damage) {
    const old = Buffer.alloc(bytes.length);
    await file.read(old, 0, old.length, at);
    before.unshift([at, old]);
    await file.write(bytes, 0, bytes.length, at);
  }
  try {
    return await body();
  } finally {
    for (const [at, bytes] of before) await file.write(bytes, 0, bytes.length, at);
    await file.close();
  }
}

describe('an XFS', () => {
  test('is read as its list tells', async () => {
    const listing: Listing = await using(openFilesystem, listImage);
    expect(Object.keys(listing)).toHaveLength(409);
    expect(listing['/etc']).toMatchObject({ type: 'directory', mode: 0o750, uid: 3, gid: 4 });
    expect(listing['/etc/link']).toMatchObject({ type: 'symlink', target: '../target' });
    expect(listing['/etc/ping']).toMatchObject({ type: 'file', mode: 0o4755, gid: 7, size: 0 });
    expect(listing['/etc/pipe']).toMatchObject({ type: 'fifo', mode: 0o620, uid: 5, gid: 6 });
    expect(listing[`/many/${'n'.repeat(30)}-399`]).toMatchObject({ type: 'file', size: 0 });
    const content = await using(openFilesystem, root => root.readFile('/few/few-1', 1e6));
    expect(content?.equals(Buffer.alloc(700_001, 'large '))).toBe(true);
    expect(await using(openFilesystem, root => root.stat('/etc/../many/nothing'))).toBeUndefined();
  });

  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  test.each<[string, number, Buffer, RegExp]>([
    ['an older version', 100, Buffer.from([0xb4, 0xa4]), /of version 4/],
    ['a feature of later', 216, word(0x21), /features we cannot read \(0x20\)/],
    ['a filesystem half made', 126, Buffer.from([1]), /never finished/],
    ['a huge block', 4, word(1 << 30), /impossible block size/],
    ['more blocks than there is room', 8, word(1), /impossible number of blocks/],
    ['groups of no size', 84, word(0), /impossible group size/],
    ['too many groups', 88, word(9), /impossible number of groups/],
    ['an inode of another size', 104, Buffer.from([0, 3]), /impossible inode size/],
    ['a root that is no inode', 56, word(1), /beyond its end|no inode/],
    ['a log elsewhere', 48, Buffer.alloc(8), /log device of its own/],
  ])('%s is refused', (_what, at, bytes, message) =>
    changed([[at, bytes]], async () => {
      const reading = using(openFilesystem, listImage);
      await expect(reading).rejects.toThrow(message);
      await expect(reading).rejects.toBeInstanceOf(CheckError);
    }),
  );

  test('what a kernel would replay is refused', async () => {
    const { log, groupBits, groupBlocks } = await using(withoutLog, async root => (root as Xfs).superblock);
    const group = Number(log.start >> BigInt(groupBits));
    const within = Number(log.start & ((1n << BigInt(groupBits)) - 1n));
    const start = (group * groupBlocks + within) * BLOCK;
    for (const damage of [
      [start + 43, Buffer.from([2])],
      [start + 512 + 9, Buffer.from([1])],
      [start + log.blocks * BLOCK - 1, Buffer.from([1])],
    ] as const) {
      await changed([damage], () => expect(using(openFilesystem, listImage)).rejects.toThrow(/would replay/));
    }
  });

  test('no damage makes it fail in another way than by a CheckError', async () => {
    const places = await structure();
    const byte = fc.tuple(fc.constantFrom(...places), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 6 }), async damage => {
        const bytes = damage.map(([at, value]) => [at, Buffer.from([value])] as const);
        const outcome = await changed(bytes, () =>
          using(withoutLog, listImage).catch((error: unknown) => error),
        );
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CheckError);
      }),
      { numRuns: 200 },
    );
  });
});

/** Offsets of bytes that are not zero, and not the content of a file or the log. */
async function structure(): Promise<number[]> {
  const file = await open(image);
  const found: number[] = [];
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; at < SIZE / 3; at += BLOCK) {
    await file.read(block, 0, BLOCK, at);
    if (block.toString('latin1', 0, 40).includes('large ')) continue;
    for (let byte = 0; byte < BLOCK; byte++) if (block[byte] !== 0) found.push(at + byte);
  }
  await file.close();
  return found;
}

describe('a list of attributes', () => {
  test('in an inode is read', () => {
    const entry = (flags: number, name: string, value: string) =>
      Buffer.concat([Buffer.from([name.length, value.length, flags]), Buffer.from(name + value)]);
    const body = Buffer.concat([
      Buffer.from([0, 0, 2, 0]),
      entry(0, 'mark', 'a'),
      entry(4, 'capability', 'bc'),
    ]);
    const found = parseShort(body)?.map(each => [each.namespace + each.name, each.value?.toString()]);
    expect(found).toEqual([
      ['user.mark', 'a'],
      ['security.capability', 'bc'],
    ]);
    expect(parseShort(body.subarray(0, body.length - 1))).toBeUndefined();
    expect(
      parseShort(Buffer.concat([Buffer.from([0, 0, 1, 0]), entry(0x80, 'half', 'made')])),
    ).toBeUndefined();
  });

  test('of any bytes is read, or is damaged', () => {
    const bytes = fc.uint8Array({ minLength: 100, maxLength: 400 }).map(each => Buffer.from(each));
    fc.assert(fc.property(bytes, body => void parseShort(body)));
    fc.assert(
      fc.property(bytes, fc.nat(40), (block, count) => {
        block.writeUInt16BE(count, 56);
        parseLeaf(block);
      }),
      { numRuns: 1000 },
    );
  });
});
