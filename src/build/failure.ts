import { rm } from 'node:fs/promises';
import type { Context } from '../host/context.ts';
import { describe } from '../host/errors.ts';
import {
  explainFullDisk,
  FullError,
  gibibytes,
  NO_ROOM,
  type RoomNeed,
  tellsOfFullDisk,
} from '../host/room.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import type { BuildLog } from './build-log.ts';
import { TREE_ROOM } from './workshop.ts';

/**
 * Runs a build, and keeps its log where the log's `file` says when it fails; a build that succeeds removes what an
 * earlier one had left there.
 * @param needs where the build takes room
 */
export async function keepingLog<T>(
  context: Context,
  log: BuildLog,
  needs: readonly RoomNeed[],
  build: () => Promise<T>,
): Promise<T> {
  try {
    const result = await build();
    await rm(log.file, { force: true });
    return result;
  } catch (error) {
    const told = await explainFullDisk(error, needs);
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

/**
 * Runs body, and says when it failed because the sandbox's own memory was full, which no directory of the host tells.
 * @param folder that the tree is in, as the sandbox sees it
 */
export async function withFullTreeTold<T>(
  sandbox: Sandbox,
  folder: string,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!tellsOfFullDisk(error)) throw error;
    const looked = await sandbox
      .run(['stat', '--file-system', '--format=%T %a %b %S', folder])
      .catch(() => undefined);
    const [type, ...numbers] = looked?.stdout.trim().split(' ') ?? [];
    const [free = 0, all = 0, size = 0] = numbers.map(Number);
    // Of another size, the memory is a directory of the host's, which is told by its path.
    if (type !== 'tmpfs' || all * size !== TREE_ROOM || free * size >= NO_ROOM) throw error;
    throw new FullError(
      `the root tree has filled the ${gibibytes(all * size)} of memory that a tree may take`,
      {
        advice: 'let the elements put less there; the log tells the script',
        cause: error,
      },
    );
  }
}
