import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { HostError } from './errors.ts';
import { plainEnvironment } from './process.ts';

/** A lock that is held until it is released, or until this process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * What came of an attempt: `held` by somebody else; `gone`: there is no such directory (any more); `unknown`: the
 * file system knows no locks, or the directory is not ours to open.
 */
export type LockOutcome = DirectoryLock | 'held' | 'gone' | 'unknown';

const HELD_BY_ANOTHER = 75;

/**
 * Locks a directory by flock on a descriptor of our own: the kernel's truth, also among containers that share
 * a folder and cannot see each other's processes.
 * @param wait until another holder has ended; default: give up at once
 */
export async function lockDirectory(path: string, wait = false): Promise<LockOutcome> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unknown';
  }
  const status = await flock(handle, wait);
  if (status === 0 && (await isStill(path, handle))) return { release: () => handle.close() };
  await handle.close();
  if (status === 0) return 'gone';
  return status === HELD_BY_ANOTHER ? 'held' : 'unknown';
}

/** The child locks the open file that it shares with us, so the lock outlives the child and not us. */
async function flock(handle: FileHandle, wait: boolean): Promise<number | null> {
  const patience = wait ? [] : ['--nonblock'];
  const words = ['--exclusive', ...patience, '--conflict-exit-code', String(HELD_BY_ANOTHER), '3'];
  const stdio = ['ignore', 'ignore', 'ignore', handle.fd] as const;
  try {
    const child = spawn('flock', words, { env: plainEnvironment(), stdio: [...stdio] });
    const [status] = (await once(child, 'close')) as [number | null];
    return status;
  } catch (cause) {
    await handle.close();
    throw new HostError('flock is not installed or not in the PATH', {
      advice: 'install util-linux',
      cause,
    });
  }
}

/** Its last holder may have removed it after we opened it. */
async function isStill(path: string, handle: FileHandle): Promise<boolean> {
  const [ours, there] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
  return there?.ino === ours.ino && there.dev === ours.dev;
}
