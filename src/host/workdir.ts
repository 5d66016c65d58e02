import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from './context.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { rootPrefix } from './privilege.ts';
import { run } from './process.ts';

/**
 * The process that owns a work directory holds a lock on it, so that the next run can tell a dead one's
 * leftovers from a live neighbour's work. The name tells a person whose it is, and is what is gone by on a
 * file system without locks.
 */
const NAME = /^\.image-factory-(\d+)-(\d+)-[0-9a-f]+$/;

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); undefined: no such process. */
export async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Makes a private work directory in parent and hands it to body; it is removed afterwards, whatever happens. */
export async function withWorkDirectory<T>(
  context: Context,
  parent: string,
  body: (directory: string) => Promise<T>,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  await removeDeadWork(parent, context);
  const { directory, lock } = await makeLocked(context, parent);
  try {
    return await body(directory);
  } finally {
    await remove(directory, context);
    await lock?.release();
  }
}

async function makeLocked(
  context: Context,
  parent: string,
): Promise<{ directory: string; lock: DirectoryLock | undefined }> {
  for (;;) {
    const suffix = context.random(4).toString('hex');
    const directory = join(parent, `.image-factory-${process.pid}-${await startTime(process.pid)}-${suffix}`);
    await mkdir(directory, { mode: 0o700 });
    const lock = await lockDirectory(directory);
    if (typeof lock === 'object') return { directory, lock };
    if (lock === 'unknown') return { directory, lock: undefined };
    // A neighbour took it for dead before our lock was on it, and removes it: once more.
  }
}

/**
 * Removes what killed runs left in parent.
 * @returns the names of the removed directories
 */
export async function removeDeadWork(parent: string, context: Context): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid, started] = NAME.exec(name) ?? [];
    if (pid === undefined) continue;
    const lock = await lockDirectory(join(parent, name));
    if (lock === 'held' || lock === 'gone') continue;
    if (lock === 'unknown' && (await startTime(Number(pid))) === started) continue;
    await remove(join(parent, name), context);
    if (lock !== 'unknown') await lock.release();
    removed.push(name);
  }
  return removed;
}

/** What the sandbox's users own, only root can remove. */
async function remove(directory: string, context: Context): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    context.log.debug(`removing ${directory} as root`);
    await run([...(await rootPrefix()), 'rm', '-rf', '--one-file-system', '--', directory]);
  }
}
