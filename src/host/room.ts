import { readFile, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { CancelledError, HostError } from './errors.ts';
import { ToolError } from './process.ts';

const GIB = 1024 ** 3;

/**
 * Refuses early when a directory's file system has too little room.
 * @param bytes what the work will need at most
 * @throws HostError
 */
export async function requireRoom(directory: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(directory);
  if (free >= bytes) return;
  throw new HostError(
    `${what} needs ${gibibytes(bytes)} in ${directory}, where ${gibibytes(free)} are free`,
    {
      advice: 'free some room, or give another directory',
    },
  );
}

function gibibytes(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

/** Memory that can be used without swapping, bytes. */
export async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}

/** True for the errors that say that a disk is full or a quota used up. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** What tools say for the same, in any program's words. */
const FULL_WORDS = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/;

/** True when the error, what its tool said, or a cause of it tells of a full disk. */
export function tellsOfFullDisk(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (isDiskFull(each) || FULL_WORDS.test(each.message)) return true;
    if (each instanceof ToolError && FULL_WORDS.test(each.result.stderr)) return true;
  }
  return false;
}

/** Less than this is as good as nothing: file systems keep some blocks for themselves. */
const NOTHING = 16 * 1024 ** 2;

/**
 * An error that tells of a full disk, as what it is for a person; any other as it is.
 * @param directories where the work takes room; the full ones are named
 */
export async function explainFullDisk(error: unknown, directories: readonly string[] = []): Promise<unknown> {
  if (error instanceof HostError || error instanceof CancelledError || !tellsOfFullDisk(error)) return error;
  const full: string[] = [];
  for (const directory of directories) {
    const free = await freeBytes(directory).catch(() => Number.POSITIVE_INFINITY);
    if (free < NOTHING) full.push(directory);
  }
  return new HostError(full.length === 0 ? 'the disk is full' : `the disk is full in ${full.join(' and ')}`, {
    advice: 'free some room, or give another directory',
    cause: error,
  });
}

async function freeBytes(directory: string): Promise<number> {
  const info = await statfs(directory);
  return info.bavail * info.bsize;
}
