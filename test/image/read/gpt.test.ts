import { open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { run } from '../../../src/host/process.ts';
import { crc32 } from '../../../src/image/read/crc32.ts';
import { openDisk } from '../../../src/image/read/disk.ts';
import { PARTITION_TYPES, type PartitionTable, readGpt } from '../../../src/image/read/gpt.ts';
import { inTemporary } from './tree.ts';

const MIB = 1024 * 1024;
const LAST = (8 * MIB) / 512 - 1;
const SCRIPT = `label: gpt
label-id: 01234567-89AB-4CDE-8F01-23456789ABCD
1 : start=8192, size=4096, type=${PARTITION_TYPES.linux}, uuid=11111111-2222-4333-8444-555555555555, name="root"
14 : start=2048, size=2048, type=${PARTITION_TYPES.biosBoot}, name="bios"
15 : start=4096, size=4096, type=${PARTITION_TYPES.efiSystem}, name="Grüße"
`;

/** A disk whose table sfdisk wrote. */
function withDisk<T>(body: (path: string) => Promise<T>, script = SCRIPT): Promise<T> {
  return inTemporary(async directory => {
    const path = join(directory, 'disk');
    await (await open(path, 'w')).close();
    await truncate(path, 8 * MIB);
    await run(['sfdisk', '-q', '--no-reread', '--no-tell-kernel', path], { input: script });
    return body(path);
  });
}

async function read(path: string): Promise<PartitionTable> {
  const disk = await openDisk(path);
  try {
    return await readGpt(disk);
  } finally {
    await disk.close();
  }
}

test('crc32 is that of the standard', () => expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926));

test('reads what sfdisk wrote', () =>
  withDisk(async path => {
    const table = await read(path);
    const { stdout } = await run(['sfdisk', '--json', path]);
    const judge = JSON.parse(stdout).partitiontable;
    expect(table.diskGuid).toBe('01234567-89ab-4cde-8f01-23456789abcd');
    expect([table.firstUsableLba, table.lastUsableLba]).toEqual([judge.firstlba, judge.lastlba]);
    expect(
      table.partitions.map(({ number, type, guid, name, firstLba, lastLba }) => ({
        node: `${path}${number}`,
        start: firstLba,
        size: lastLba - firstLba + 1,
        type: type.toUpperCase(),
        uuid: guid.toUpperCase(),
        name,
      })),
    ).toEqual(judge.partitions);
    expect(table.partitions[0]).toMatchObject({ number: 1, offset: 4 * MIB, size: 2 * MIB });
  }));

/** Changes the header and makes its checksum right again, as an attacker would. */
async function forge(path: string, change: (sector: Buffer) => void, lba = 1): Promise<void> {
  const file = await open(path, 'r+');
  const sector = Buffer.alloc(512);
  await file.read(sector, 0, 512, lba * 512);
  change(sector);
  sector.writeUInt32LE(0, 16);
  sector.writeUInt32LE(crc32(sector.subarray(0, 92)), 16);
  await file.write(sector, 0, 512, lba * 512);
  await file.close();
}

/** Changes the entries, in both copies, with all checksums right. */
async function forgeEntries(path: string, change: (entries: Buffer) => void): Promise<void> {
  const file = await open(path, 'r+');
  const entries = Buffer.alloc(128 * 128);
  await file.read(entries, 0, entries.length, 1024);
  change(entries);
  await file.write(entries, 0, entries.length, 1024);
  await file.write(entries, 0, entries.length, (LAST - 32) * 512);
  await file.close();
  for (const lba of [1, LAST]) await forge(path, sector => sector.writeUInt32LE(crc32(entries), 88), lba);
}

/** Another table in the first copy alone, valid by itself. */
async function forgeFirstCopy(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const entries = Buffer.alloc(128 * 128);
  await file.read(entries, 0, entries.length, 1024);
  entries.fill(0, 128);
  await file.write(entries, 0, entries.length, 1024);
  await file.close();
  await forge(path, sector => sector.writeUInt32LE(crc32(entries), 88));
}

const HOSTILE: [string, (path: string) => Promise<unknown>, RegExp][] = [
  ['two tables that differ', forgeFirstCopy, /differ/],
  ['a backup of another', path => forge(path, sector => sector.writeBigUInt64LE(9n, 32), LAST), /no backup/],
  ['a truncated image', path => truncate(path, 7 * MIB), /truncated/],
  ['an image without its last sector', path => truncate(path, 8 * MIB - 512), /truncated/],
  [
    'an image that grew without its backup',
    path => forge(path, sector => sector.writeBigUInt64LE(1n, 32)),
    /no backup/,
  ],
  ['a header elsewhere', path => forge(path, sector => sector.writeBigUInt64LE(2n, 24)), /elsewhere/],
  [
    'an impossible backup',
    path => forge(path, sector => sector.writeBigUInt64LE(2n ** 63n, 32)),
    /impossible sector/,
  ],
  [
    'entries beyond the disk',
    path => forge(path, sector => sector.writeBigUInt64LE(2n ** 40n, 72)),
    /point to/,
  ],
  [
    'four billion entries',
    path => forge(path, sector => sector.writeUInt32LE(0xffffffff, 80)),
    /4294967295 entries/,
  ],
  ['entries of no size', path => forge(path, sector => sector.writeUInt32LE(0, 84)), /of 0 bytes/],
  ['a huge header', path => forge(path, sector => sector.writeUInt32LE(4096, 12)), /wrong size/],
  [
    'a partition beyond the disk',
    path => forgeEntries(path, entries => entries.writeBigUInt64LE(99_999n, 40)),
    /outside of/,
  ],
  [
    'a partition that ends before it starts',
    path => forgeEntries(path, entries => entries.writeBigUInt64LE(8000n, 40)),
    /outside of/,
  ],
  [
    'partitions that overlap',
    path => forgeEntries(path, entries => entries.writeBigUInt64LE(4096n, 32)),
    /overlap/,
  ],
];

test.each(HOSTILE)('refuses %s', (_what, damage, message) =>
  withDisk(async path => {
    await damage(path);
    const reading = read(path);
    await expect(reading).rejects.toThrow(CheckError);
    await expect(reading).rejects.toThrow(message);
  }),
);

test('refuses a DOS table and an empty disk', async () => {
  await withDisk(async path => expect(read(path)).rejects.toThrow(/not a GPT/), 'label: dos\n,,L\n');
  await withDisk(async path => {
    await truncate(path, 0);
    await truncate(path, MIB);
    await expect(read(path)).rejects.toThrow(/no partition table/);
    await truncate(path, 100);
    await expect(read(path)).rejects.toThrow(CheckError);
  });
});

test('finds every changed byte of the header and of the entries, in both copies', () =>
  withDisk(async path => {
    const file = await open(path, 'r+');
    const last = LAST * 512;
    const covered = [
      fc.integer({ min: 512, max: 512 + 91 }),
      fc.integer({ min: 1024, max: 1024 + 16383 }),
      fc.integer({ min: last, max: last + 91 }),
      fc.integer({ min: last - 16384, max: last - 1 }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.oneof(...covered), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const [before, after] = [Buffer.alloc(1), Buffer.alloc(1)];
        await file.read(before, 0, 1, at);
        after[0] = (before[0] ?? 0) ^ flip;
        await file.write(after, 0, 1, at);
        const outcome = await read(path).catch((error: unknown) => error);
        await file.write(before, 0, 1, at);
        expect(outcome).toBeInstanceOf(CheckError);
      }),
      { numRuns: 150 },
    );
    await file.close();
    await read(path);
  }));
