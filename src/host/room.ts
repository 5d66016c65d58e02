import { readFile, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { HostError } from './errors.ts';

const GIB = 1024 ** 3;

/**
 * Refuses early when a directory's file system has too little room.
 * @param bytes what the work will need at most
 * @throws HostError
 */
export async function requireRoom(directory: string, bytes: number, what: string): Promise<void> {
  const info = await statfs(directory);
  const free = info.bavail * info.bsize;
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
