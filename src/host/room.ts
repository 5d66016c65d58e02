import { readFile, stat, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { dirname } from 'node:path';
import type { Context } from './context.ts';
import { CancelledError, HostError } from './errors.ts';
import { ToolError } from './process.ts';

const GIB = 1024 ** 3;

/** What some work will put into one directory. */
export interface RoomNeed {
  readonly directory: string;
  /** At most. */
  readonly bytes: number;
  /** `the bundle` */
  readonly what: string;
}

/**
 * Says how much room the work needs and how much there is, and refuses early when a file system has too little:
 * directories of one file system share its room.
 * @throws HostError that names every place with too little
 */
export async function requireRoom(
  context: Context,
  work: string,
  needs: readonly RoomNeed[],
  level: 'info' | 'debug' = 'info',
): Promise<void> {
  const short: string[] = [];
  for (const { directory, bytes, free, whats } of await byFileSystem(needs)) {
    if (bytes === 0) continue;
    const told = `${gibibytes(bytes)} in ${directory} (${whats.join(', ')})`;
    context.log[level](`${work} needs ${told}, where ${gibibytes(free)} are free`);
    if (free < bytes) short.push(`${told}, where only ${gibibytes(free)} are free`);
  }
  if (short.length === 0) return;
  throw new HostError(`${work} needs ${short.join('; and ')}`, {
    advice: 'free some room, or give another directory',
  });
}

/** What is needed of one file system, and what is free there, bytes. */
interface Share {
  readonly directory: string;
  readonly bytes: number;
  readonly free: number;
  readonly whats: readonly string[];
}

async function byFileSystem(needs: readonly RoomNeed[]): Promise<Share[]> {
  const found = new Map<number, Share>();
  // What needs something names the file system.
  for (const { directory, bytes, what } of needs.toSorted(
    (a, b) => Math.sign(b.bytes) - Math.sign(a.bytes),
  )) {
    const there = await nearest(directory);
    const { dev } = await stat(there);
    const known = found.get(dev) ?? { directory, bytes: 0, free: await freeBytes(there), whats: [] };
    const whats = bytes === 0 ? known.whats : [...known.whats, what];
    found.set(dev, { ...known, bytes: known.bytes + bytes, whats });
  }
  return [...found.values()];
}

/** The directory, or the nearest one above it that is there already. */
async function nearest(directory: string): Promise<string> {
  const there = await stat(directory).catch(() => undefined);
  return there === undefined && dirname(directory) !== directory ? nearest(dirname(directory)) : directory;
}

export function gibibytes(bytes: number): string {
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
const FULL_WORDS = /No space left on device|Disk quota exceeded|n't have enough free space|ENOSPC|EDQUOT/;

/** True when the error, what its tool said, or a cause of it tells of a full disk. */
export function tellsOfFullDisk(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (isDiskFull(each) || FULL_WORDS.test(each.message)) return true;
    if (each instanceof ToolError && FULL_WORDS.test(each.result.stderr + each.result.stdout)) return true;
  }
  return false;
}

/** Less than this is as good as nothing: file systems keep some blocks for themselves. */
export const NO_ROOM = 16 * 1024 ** 2;

/** Says already what is full. */
export class FullError extends HostError {}

/**
 * An error that comes of a full disk, as what it is for a person; any other as it is. Some tools fail without a
 * word of it: then a directory without room is what tells.
 * @param needs where the work takes room; the full ones are named, or where that was taken away again, those with
 *   less than the work needs
 */
export async function explainFullDisk(error: unknown, needs: readonly RoomNeed[] = []): Promise<unknown> {
  if (error instanceof FullError || error instanceof CancelledError) return error;
  // One that could not write tells no more than the file.
  if (error instanceof HostError && !isDiskFull(error.cause)) return error;
  const shares = await byFileSystem(needs).catch(() => []);
  const full = shares.filter(({ free }) => free < NO_ROOM);
  const silent = error instanceof ToolError && full.length > 0;
  if (!silent && !tellsOfFullDisk(error)) return error;
  const named = full.length > 0 ? full : shares.filter(({ free, bytes }) => free < bytes);
  const places = named.map(({ directory, bytes, whats }) =>
    bytes === 0 ? directory : `${directory}, where ${gibibytes(bytes)} are needed (${whats.join(', ')})`,
  );
  return new FullError(
    ['the disk is full', ...(named.length > 0 ? [places.join('; and ')] : [])].join(' in '),
    {
      advice: 'free some room, or give another directory',
      cause: error,
    },
  );
}

async function freeBytes(directory: string): Promise<number> {
  const info = await statfs(directory);
  return info.bavail * info.bsize;
}
