import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { run } from '../../../src/host/process.ts';
import { readTar, type TarEntry } from '../../../src/image/read/tar.ts';
import { inTemporary } from './tree.ts';

async function* inBits(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function entries(bytes: Buffer, size = 1000): Promise<TarEntry[]> {
  const all: TarEntry[] = [];
  for await (const entry of readTar(inBits(bytes, size), 'an archive')) all.push(entry);
  return all;
}

/** What GNU tar makes of a small tree. */
function archive(format: string, ...options: string[]): Promise<Buffer> {
  return inTemporary(async directory => {
    const tree = join(directory, 'tree');
    await mkdir(join(tree, 'd'.repeat(150), 'e'.repeat(120)), { recursive: true });
    await writeFile(join(tree, 'd'.repeat(150), 'e'.repeat(120), 'deep'), 'deep content');
    await writeFile(join(tree, 'large'), Buffer.alloc(70_000, 7));
    await symlink('t'.repeat(200), join(tree, 'link'));
    await run(['ln', join(tree, 'large'), join(tree, 'other-name')]);
    await run(['mkfifo', '-m', '0640', join(tree, 'pipe')]);
    const path = join(directory, 'archive');
    const stable = ['--sort=name', '--mtime=@1600000000', '--owner=70000', '--group=42', '--numeric-owner'];
    await run(['tar', '-C', tree, '-cf', path, `--format=${format}`, ...stable, ...options, '.']);
    return readFile(path);
  });
}

test.each(['pax', 'gnu'])('reads all that GNU tar writes in its format %s', async format => {
  const found = await entries(await archive(format));
  const deep = `/${'d'.repeat(150)}/${'e'.repeat(120)}`;
  expect(found.map(({ path, type }) => [path, type])).toEqual([
    ...[
      ['/', 'directory'],
      [deep.slice(0, 151), 'directory'],
      [deep, 'directory'],
      [`${deep}/deep`, 'file'],
    ],
    ...[
      ['/large', 'file'],
      ['/link', 'symlink'],
      ['/other-name', 'hardlink'],
      ['/pipe', 'fifo'],
    ],
  ]);
  const one = (path: string) => found.find(each => each.path === path);
  const sha256 = createHash('sha256').update(Buffer.alloc(70_000, 7)).digest('hex');
  expect(one('/large')).toMatchObject({ content: { size: 70_000, sha256 }, mtime: 1_600_000_000 });
  expect(one('/large')).toMatchObject({ uid: 70_000, gid: 42 });
  expect(one('/link')?.target).toBe('t'.repeat(200));
  expect(one('/other-name')?.target).toBe('/large');
  expect(one('/pipe')?.mode).toBe(0o640);
});

test('reads the numbers of a device and extended attributes', async () => {
  const [device] = await entries(
    await inTemporary(async directory => {
      const path = join(directory, 'archive');
      await run(['tar', '-C', '/dev', '-cf', path, '--format=pax', 'null']);
      return readFile(path);
    }),
  );
  expect(device).toMatchObject({ path: '/null', type: 'character', device: { major: 1, minor: 3 } });
  const marked = await archive('pax', '--pax-option=SCHILY.xattr.user.mark:=a value\n=1');
  const [root] = await entries(marked);
  expect(root?.attributes.get('user.mark')?.toString()).toBe('a value\n=1');
});

const HOSTILE: [string, (bytes: Buffer) => Buffer, RegExp][] = [
  ['a changed header', bytes => bytes.fill(bytes.readUInt8(100) ^ 1, 100, 101), /damaged header/],
  ['no end', bytes => bytes.subarray(0, 70_000), /is cut short/],
  ['an end that is none', bytes => Buffer.concat([bytes, Buffer.from('more')]), /goes on behind its end/],
  ['nothing in it', () => Buffer.alloc(0), /is cut short/],
];

test.each(HOSTILE)('refuses an archive with %s', async (_what, change, message) => {
  const reading = entries(change(await archive('gnu')));
  await expect(reading).rejects.toThrow(CheckError);
  await expect(reading).rejects.toThrow(message);
});

test('refuses settings for all entries, whose meaning readers do not agree on', async () => {
  await expect(entries(await archive('pax', '--pax-option=uid=0'))).rejects.toThrow(/all of its entries/);
});

test('whatever one byte becomes, it is read or refused, however the bytes arrive', async () => {
  const good = await archive('pax');
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 1, max: 3000 }),
      async (at, value, size) => {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        const result = await entries(bytes, size).catch((error: unknown) => error);
        if (!Array.isArray(result)) expect(result).toBeInstanceOf(CheckError);
      },
    ),
    { numRuns: 60 },
  );
});
