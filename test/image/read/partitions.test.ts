import { open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { run } from '../../../src/host/process.ts';
import { openDisk } from '../../../src/image/read/disk.ts';
import { findPartition } from '../../../src/image/read/partitions.ts';
import { inTemporary } from './tree.ts';

const MIB = 1024 * 1024;

/** A disk that sfdisk has partitioned, then changed by hand. */
async function withDisk(
  script: string,
  patches: readonly (readonly [at: number, ...bytes: number[]])[],
  body: (disk: Awaited<ReturnType<typeof openDisk>>) => Promise<void>,
): Promise<void> {
  await inTemporary(async folder => {
    const path = join(folder, 'disk');
    const file = await open(path, 'w');
    await truncate(path, 64 * MIB);
    await run(['sfdisk', '--quiet', path], { input: script });
    for (const [at, ...bytes] of patches) await file.write(Buffer.from(bytes), 0, bytes.length, at);
    await file.close();
    const disk = await openDisk(path);
    try {
      await body(disk);
    } finally {
      await disk.close();
    }
  });
}

const MBR = 'label: dos\n1 : start=2048, size=8192, type=83\n3 : start=16384, size=4096, type=82\n';

it.each([
  ['mbr', MBR],
  ['gpt', MBR.replace('dos', 'gpt').replaceAll(/, type=../g, '')],
])('finds partitions by their numbers: %s', (_label, script) =>
  withDisk(script, [], async disk => {
    expect(await findPartition(disk, 0)).toEqual({ offset: 0, size: 64 * MIB });
    expect(await findPartition(disk, 1)).toMatchObject({ offset: MIB, size: 4 * MIB });
    expect(await findPartition(disk, 3)).toMatchObject({ offset: 8 * MIB, size: 2 * MIB });
    await expect(findPartition(disk, 2)).rejects.toThrow(/no partition 2/);
  }),
);

const SLOT = 446;
it.each<[string, string, [number, ...number[]][], RegExp]>([
  ['no signature', MBR, [[510, 0]], /no partition table/],
  ['a partition beyond the end', MBR, [[SLOT + 15, 0x7f]], /outside of the disk/],
  ['a partition over the table', MBR, [[SLOT + 8, 0, 0, 0, 0]], /outside of the disk/],
  ['two that overlap', MBR, [[SLOT + 32 + 8, 0, 9]], /overlap/],
  ['logical ones', `${MBR}4 : start=32768, size=8192, type=5\n`, [], /holds logical ones/],
])('refuses an MBR with %s', (_what, script, patches, message) =>
  withDisk(script, patches, async disk => {
    await expect(findPartition(disk, 1)).rejects.toThrow(CheckError);
    await expect(findPartition(disk, 1)).rejects.toThrow(message);
  }),
);
