import { rm } from 'node:fs/promises';
import type { Context } from '../host/context.ts';
import { describe } from '../host/errors.ts';
import { explainFullDisk } from '../host/room.ts';
import type { BuildLog } from './build-log.ts';

/**
 * Runs a build, and keeps its log where the log's `file` says when it fails; a build that succeeds removes what an
 * earlier one had left there.
 * @param directories where the build takes room
 */
export async function keepingLog<T>(
  context: Context,
  log: BuildLog,
  directories: readonly string[],
  build: () => Promise<T>,
): Promise<T> {
  try {
    const result = await build();
    await rm(log.file, { force: true });
    return result;
  } catch (error) {
    const told = await explainFullDisk(error, [...new Set(directories)]);
    if (await isKept(log, describe(told).line)) context.log.info(`the whole log: ${log.file}`);
    throw told;
  }
}

/** A log that cannot be kept does not hide why the build failed. */
async function isKept(log: BuildLog, why: string): Promise<boolean> {
  try {
    await log.keep(why);
    return true;
  } catch {
    return false;
  }
}
