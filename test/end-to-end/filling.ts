import { mkdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { run } from '../../src/host/process.ts';
import { type Bed, startBuild } from './bed.ts';
import { stepsSoFar } from './killing.ts';
import { failedLogs, visibleFiles, workDirectories } from './leftovers.ts';
import type { Ended } from './program.ts';

/** A file system in memory at path, for as long as body runs. @param size as tmpfs takes it: `3g` */
export async function withSmallDisk<T>(path: string, size: string, body: () => Promise<T>): Promise<T> {
  await mkdir(path, { recursive: true });
  await run(['mount', '-t', 'tmpfs', '-o', `size=${size},mode=755`, 'image-factory-test', path]);
  try {
    return await body();
  } finally {
    // Something may still be at work there when a test fails: its disk goes with the last of it.
    await run(['umount', path]).catch(() => run(['umount', '--lazy', path]));
  }
}

/** Builds, and lets `disk`, a small one, be full from the moment on. */
export async function fillWhen(
  isTime: () => Promise<boolean>,
  disk: string,
  bed: Bed,
  more: readonly string[] = [],
): Promise<Ended> {
  const build = startBuild(bed, more);
  while (!build.isOver() && !(await isTime())) await delay(3);
  await fill(disk);
  return build.ended;
}

/** Builds, and lets `disk` be full from the begin of a step on. */
export function fillAt(step: string, disk: string, bed: Bed, more: readonly string[] = []): Promise<Ended> {
  return fillWhen(async () => (await stepsSoFar(bed)).includes(`== ${step}`), disk, bed, more);
}

/** What is written meanwhile may need what was free a moment ago: then once more. */
async function fill(disk: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const { blocks, bfree, bsize } = await statfs(disk);
    const size = Math.max(1, blocks - bfree) * bsize;
    const { status, stderr } = await run(['mount', '-o', `remount,size=${size}`, disk], { accept: [0, 32] });
    if (status === 0) return;
    if (attempt === 100) throw new Error(`${disk} cannot be made smaller: ${stderr}`);
  }
}

/** Of a build that failed there is its log, and nothing else. */
export async function expectNothingFinished(bed: Bed, said: string): Promise<void> {
  expect(await visibleFiles(bed.output)).toEqual([]);
  const files = await failedLogs(bed.output);
  expect(files).toHaveLength(1);
  const log = join(bed.output, files[0] ?? '');
  expect(said).toContain(`the whole log: ${log}`);
  expect(await readFile(log, 'utf8')).not.toBe('');
  expect(await workDirectories(bed.output)).toEqual([]);
}
