import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, CheckError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { asRaw, diskDigest, inspectForm, rawDigest, sameDisk } from '../../src/image/disk-file.ts';
import { qcow2Facts } from '../../src/image/read/qcow2.ts';
import { inTemporary } from './read/tree.ts';

const SIZE = 3 * 1024 * 1024;
const context = createContext();

/** A small disk with data, holes and an end that fills no cluster. */
function withRaw<T>(body: (directory: string, raw: string) => Promise<T>): Promise<T> {
  return inTemporary(async directory => {
    const raw = join(directory, 'disk.raw');
    const file = await open(raw, 'w');
    await file.write(randomBytes(100_000), 0, 100_000, 512 * 1024);
    await file.truncate(SIZE);
    await file.close();
    return body(directory, raw);
  });
}

async function convert(raw: string, ...options: string[]): Promise<string> {
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, `${raw}.qcow2`]);
  return `${raw}.qcow2`;
}

const GOOD: [string, string[], string][] = [
  ['zlib', ['-c'], 'zlib'],
  ['zstd', ['-c', '-o', 'compression_type=zstd'], 'zstd'],
  ['version 2', ['-o', 'compat=0.10'], 'zlib'],
];

test.each(GOOD)('a qcow2 of %s has the digest of its raw disk', (_name, options, compression) =>
  withRaw(async (directory, raw) => {
    const path = await convert(raw, ...options);
    expect(await qcow2Facts(path)).toMatchObject({ diskSize: SIZE, compression });
    const digest = createHash('sha256')
      .update(await readFile(raw))
      .digest('hex');
    const files = [
      { path, form: 'qcow2' },
      { path: raw, form: 'raw' },
    ] as const;
    for (const file of files) expect(await diskDigest(context, file, SIZE, directory)).toBe(digest);
    await sameDisk(context, files, { size: SIZE, digest }, directory);
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'disk.raw.qcow2']);
  }),
);

test('a form that differs in one byte is another disk', () =>
  withRaw(async (directory, raw) => {
    const path = await convert(raw, '-c');
    const digest = await rawDigest(context, raw);
    const file = await open(raw, 'r+');
    await file.write(Buffer.from([1]), 0, 1, SIZE - 1);
    await file.close();
    const files = [
      { path, form: 'qcow2' },
      { path: raw, form: 'raw' },
    ] as const;
    const proving = sameDisk(context, files, { size: SIZE, digest }, directory);
    await expect(proving).rejects.toThrow(/disk\.raw holds another disk/);
  }));

const create =
  (...options: string[]) =>
  (path: string) =>
    run(['qemu-img', 'create', '-q', '-f', 'qcow2', ...options, path, String(SIZE)]);
const patch =
  (at: number, ...bytes: number[]) =>
  async (path: string) => {
    await create()(path);
    const file = await open(path, 'r+');
    await file.write(Buffer.from(bytes), 0, bytes.length, at);
    await file.close();
  };

const HOSTILE: [string, (path: string) => Promise<unknown>, RegExp][] = [
  ['a backing file', create('-u', '-b', '/etc/shadow', '-F', 'raw'), /has a backing file/],
  [
    'an external data file',
    path => create('-o', `data_file=${path}.data,data_file_raw=on`)(path),
    /external data file/,
  ],
  [
    'the name of a data file alone',
    patch(112, 0x44, 0x41, 0x54, 0x41, 0, 0, 0, 0),
    /names an external data file/,
  ],
  ['encryption', patch(35, 2), /is encrypted/],
  [
    'a snapshot',
    async path => {
      await create()(path);
      await run(['qemu-img', 'snapshot', '-c', 'before', path]);
    },
    /internal snapshots/,
  ],
  ['another version', patch(7, 4), /version 4/],
  ['the mark of a crash', patch(79, 1), /not closed cleanly/],
  ['an unknown feature', patch(79, 16), /features/],
  ['a header that does not end', patch(100, 0, 0, 0xff, 0xf8), /damaged header/],
  ['an extension that does not end', patch(116, 0x7f), /damaged header/],
  ['an unknown compression', patch(104, 2), /compressed in a way/],
  ['a disk of exabytes', patch(24, 0x7f), /impossibly large/],
  ['a disk of terabytes', patch(26, 0x10), /holds a disk of .* bytes, not of/],
  ['no qcow2 at all', path => writeFile(path, Buffer.alloc(SIZE)), /is no qcow2/],
  ['a few bytes', path => writeFile(path, 'QFI'), /is no qcow2/],
  [
    'a cut header',
    async path => {
      await create()(path);
      await truncate(path, 80);
    },
    /is truncated/,
  ],
];

test.each(HOSTILE)('a qcow2 with %s is refused before any tool opens it', (_what, make, message) =>
  inTemporary(async directory => {
    const path = join(directory, 'image.qcow2');
    await make(path);
    const digesting = diskDigest(context, { path, form: 'qcow2' }, SIZE, directory);
    await expect(digesting).rejects.toThrow(CheckError);
    await expect(digesting).rejects.toThrow(message);
  }),
);

test('a truncated qcow2, whose rest reads as zeros, is another disk and leaves nothing', () =>
  withRaw(async (directory, raw) => {
    const path = await convert(raw);
    const digest = await rawDigest(context, raw);
    await truncate(path, 300_000);
    const proving = sameDisk(context, [{ path, form: 'qcow2' }], { size: SIZE, digest }, directory);
    await expect(proving).rejects.toThrow(/holds another disk/);
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'disk.raw.qcow2']);
  }));

test('a qcow2 whose tables are broken is refused, and leaves nothing', () =>
  withRaw(async (directory, raw) => {
    const path = await convert(raw);
    const file = await open(path, 'r+');
    const head = Buffer.alloc(48);
    await file.read(head, 0, 48, 0);
    // The first table leads to a second one in the middle of a cluster: found only while it converts.
    await file.write(Buffer.from('8000000000000200', 'hex'), 0, 8, Number(head.readBigUInt64BE(40)));
    await file.close();
    const digesting = diskDigest(context, { path, form: 'qcow2' }, SIZE, directory);
    await expect(digesting).rejects.toThrow(CheckError);
    await expect(digesting).rejects.toThrow(/cannot be read to its end/);
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'disk.raw.qcow2']);
  }));

async function compress(raw: string, ...options: string[]): Promise<string> {
  await run(['zstd', '-q', ...options, '-o', `${raw}.zst`, raw]);
  return `${raw}.zst`;
}

/** The size of the content stands in a field of one of four lengths. */
test.each([1, 255, 256, 65_791, 65_792, SIZE])(
  'a raw.zst of %i bytes tells its size and holds its disk',
  size =>
    withRaw(async (directory, raw) => {
      await truncate(raw, size);
      const image = { path: await compress(raw), form: 'raw.zst' } as const;
      await inspectForm(image, size);
      await expect(inspectForm(image, size + 1)).rejects.toThrow(`holds a disk of ${size} bytes`);
      expect(await diskDigest(context, image, size, directory)).toBe(await rawDigest(context, raw));
      const copy = await asRaw(context, image, size, directory);
      expect((await readFile(copy.path)).equals(await readFile(raw))).toBe(true);
      await copy.remove();
    }),
);

const BAD_ZST: [string, (raw: string) => Promise<string>, RegExp][] = [
  ['no size', raw => compress(raw, '--no-content-size'), /tells the size of its content/],
  ['another beginning', async raw => raw, /tells the size of its content/],
  [
    'its end cut off',
    async raw => {
      const path = await compress(raw);
      await truncate(path, 50_000);
      return path;
    },
    /cannot be read to its end/,
  ],
  [
    'a changed byte',
    async raw => {
      const path = await compress(raw);
      const file = await open(path, 'r+');
      await file.write(Buffer.from([0x5a, 0x5a, 0x5a, 0x5a]), 0, 4, 60_000);
      await file.close();
      return path;
    },
    /cannot be read to its end/,
  ],
  [
    'more behind the disk that it tells of',
    async raw => {
      const path = await compress(raw);
      await writeFile(path, Buffer.concat([await readFile(path), await readFile(path)]));
      return path;
    },
    /holds a disk of more than 3145728 bytes/,
  ],
];

test.each(BAD_ZST)('a raw.zst with %s is refused, and leaves nothing', (_what, make, message) =>
  withRaw(async (directory, raw) => {
    const image = { path: await make(raw), form: 'raw.zst' } as const;
    for (const reading of [diskDigest, asRaw]) {
      const refused = reading(context, image, SIZE, directory);
      await expect(refused).rejects.toThrow(CheckError);
      await expect(refused).rejects.toThrow(message);
    }
    expect((await readdir(directory)).filter(name => name.startsWith('disk-'))).toEqual([]);
  }),
);

test('a raw disk that passes for another format is refused', () =>
  withRaw(async (directory, raw) => {
    await inspectForm({ path: raw, form: 'raw' }, SIZE);
    for (const format of ['qcow2', 'vmdk', 'vdi', 'vhdx', 'qed']) {
      const path = join(directory, format);
      await run(['qemu-img', 'create', '-q', '-f', format, path, String(SIZE)]);
      const inspecting = inspectForm({ path, form: 'raw' }, (await readFile(path)).length);
      await expect(inspecting).rejects.toThrow(`begins like ${format}`);
    }
  }));

test('a raw disk of another size is refused', () =>
  withRaw(async (_directory, raw) => {
    await truncate(raw, SIZE - 512);
    await expect(inspectForm({ path: raw, form: 'raw' }, SIZE)).rejects.toThrow(/not of 3145728/);
  }));

test('digesting stops when it is cancelled', () =>
  withRaw(async (_directory, raw) => {
    await expect(rawDigest({ signal: AbortSignal.abort() }, raw)).rejects.toThrow(CancelledError);
  }));
