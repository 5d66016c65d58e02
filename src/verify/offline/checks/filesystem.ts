import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, run } from '../../../host/process.ts';
import { type Disk, openDisk } from '../../../image/read/disk.ts';
import { findPartition } from '../../../image/read/partitions.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

const PIECE = 1024 ** 2;

export const filesystem: OfflineCheck = {
  ...OFFLINE,
  name: 'filesystem',
  protects: 'The filesystems are whole: a server does not stop at its first boot to ask for fsck.',
  async look(image) {
    const findings: Finding[] = [];
    const disk = await openDisk(image.raw);
    try {
      for (const volume of image.manifest.volumes) {
        const at = await findPartition(disk, volume.partition);
        const why =
          volume.content === 'ext4'
            ? await checkExt4(image, at.offset)
            : volume.content === 'vfat'
              ? await checkFat(image, disk, at)
              : undefined;
        if (why !== undefined) findings.push({ what: volume.name, why });
      }
    } finally {
      await disk.close();
    }
    const judged = image.manifest.volumes.filter(({ content }) => content === 'ext4' || content === 'vfat');
    return { findings, seen: `${judged.map(each => `${each.name} (${each.content})`).join(', ')} clean` };
  },
};

async function checkExt4({ context, raw }: ImageUnderTest, offset: number): Promise<string | undefined> {
  const argv = ['e2fsck', '-f', '-n', `${raw}?offset=${offset}`];
  const { status, stdout } = await run(argv, { signal: context.signal, accept: STATUSES });
  return status === 0 ? undefined : complaint('e2fsck', stdout);
}

/** fsck.fat knows no offset: it gets a sparse copy. */
async function checkFat(
  { context, work }: ImageUnderTest,
  disk: Disk,
  { offset, size }: { offset: number; size: number },
): Promise<string | undefined> {
  const copy = join(work, `esp-${context.random(4).toString('hex')}`);
  try {
    await copyRange(disk, offset, size, copy);
    const { status, stdout } = await run(['fsck.fat', '-n', copy], {
      signal: context.signal,
      accept: STATUSES,
    });
    return status === 0 ? undefined : complaint('fsck.fat', stdout);
  } finally {
    await rm(copy, { force: true });
  }
}

const STATUSES = Array.from({ length: 64 }, (_, status) => status);

function complaint(tool: string, said: string): string {
  const lines = said.split('\n').filter(line => line.trim() !== '' && !/^(Pass \d|fsck\.fat \d)/.test(line));
  return `${tool} says: ${lines[0] ?? lastLines(said, 1)}`;
}

async function copyRange(disk: Disk, offset: number, size: number, to: string): Promise<void> {
  await writeFile(to, '');
  await truncate(to, size);
  const file = await open(to, 'r+');
  try {
    for (let at = 0; at < size; at += PIECE) {
      const piece = await disk.read(offset + at, Math.min(PIECE, size - at));
      if (piece.some(byte => byte !== 0)) await file.write(piece, 0, piece.length, at);
    }
  } finally {
    await file.close();
  }
}
