import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../host/context.ts';
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
        const why = await CHECKERS[volume.content]?.(image, disk, at);
        if (why !== undefined) findings.push({ what: volume.name, why });
      }
    } finally {
      await disk.close();
    }
    const judged = image.manifest.volumes.filter(({ content }) => content in CHECKERS);
    return { findings, seen: `${judged.map(each => `${each.name} (${each.content})`).join(', ')} clean` };
  },
};

interface Place {
  readonly offset: number;
  readonly size: number;
}

/** By what stands in a volume: what its tool complains of, or nothing. */
type Checker = (image: ImageUnderTest, disk: Disk, at: Place) => Promise<string | undefined>;

const CHECKERS: Readonly<Record<string, Checker>> = {
  ext4: ({ context, raw }, _disk, { offset }) =>
    judged(context, ['e2fsck', '-f', '-n', `${raw}?offset=${offset}`]),
  xfs: (image, disk, at) => judgedCopy(image, disk, at, ['xfs_repair', '-n', '-f']),
  vfat: (image, disk, at) => judgedCopy(image, disk, at, ['fsck.fat', '-n']),
};

async function judged(context: Context, argv: readonly string[]): Promise<string | undefined> {
  const { status, stdout, stderr } = await run(argv, { signal: context.signal, accept: STATUSES });
  return status === 0 ? undefined : complaint(argv[0] ?? '', stdout || stderr);
}

/** These tools know no offset: they get a sparse copy. */
async function judgedCopy(
  { context, work }: ImageUnderTest,
  disk: Disk,
  { offset, size }: Place,
  argv: readonly string[],
): Promise<string | undefined> {
  const copy = join(work, `volume-${context.random(4).toString('hex')}`);
  try {
    await copyRange(disk, offset, size, copy);
    return await judged(context, [...argv, copy]);
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
