import { chmod, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { ToolError } from '../host/process.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { assembleDisk, RAW } from '../image/assemble.ts';
import {
  type DiskLayout,
  derivedUuid,
  FIND_FORMAT,
  type FilesystemSize,
  filesystemSize,
  gptHybrid,
  parseFind,
  type TreeEntry,
} from '../image/layout.ts';
import type { BuildLog } from './build-log.ts';
import { TREE } from './chroot.ts';
import { ROOT_LABEL } from './finish.ts';

/**
 * Share of the filesystem that stays free, by attempt. The kernel keeps 2 % of ext4 for itself, and a first
 * boot writes some MiB before the root has grown; free space stays below 5 % all the same.
 */
const SLACK = [0.036, 0.06, 0.1];

export interface DiskRequest {
  readonly line: ImageLine;
  /** What UUIDs derive from. */
  readonly seed: string;
  readonly epoch: number;
  /** The directory of results as we see it. */
  readonly out: string;
}

export interface BuiltDisk {
  /** Absolute path. */
  readonly raw: string;
  readonly layout: DiskLayout;
  readonly rootUuid: string;
}

export function rootUuid(seed: string): string {
  return derivedUuid(`${seed} root filesystem`);
}

/** The entries of the tree as they stand. */
export async function listTree(sandbox: Sandbox): Promise<TreeEntry[]> {
  const found = await sandbox.run(['find', TREE, '-xdev', '-printf', FIND_FORMAT]);
  return parseFind(found.stdout);
}

/** The raw disk, from the tree. */
export async function buildDisk(
  context: Context,
  sandbox: Sandbox,
  request: DiskRequest,
  log: BuildLog,
): Promise<BuiltDisk> {
  const entries = await log.timed('measure', () => listTree(sandbox));
  const { journal, reserve } = request.line.disk;
  for (const [attempt, slack] of SLACK.entries()) {
    const size = filesystemSize(entries, { journal, reserve, slack });
    try {
      return await log.timed('disk', () => attemptDisk(sandbox, request, size));
    } catch (error) {
      const small = error instanceof ToolError && /Could not allocate (block|inode)/.test(error.message);
      if (!small || attempt === SLACK.length - 1) throw error;
      context.log.debug(`the filesystem of ${size.bytes} bytes is too small, once more with more room`);
    }
  }
  throw new Error('unreachable');
}

async function attemptDisk(sandbox: Sandbox, request: DiskRequest, size: FilesystemSize): Promise<BuiltDisk> {
  const layout = gptHybrid(size.bytes, request.seed);
  const uuid = rootUuid(request.seed);
  const raw = await sharedFile(request.out, RAW, layout.size);
  await assembleDisk(sandbox, {
    tree: TREE,
    inside: '/out',
    outside: request.out,
    layout,
    size,
    rootUuid: uuid,
    label: ROOT_LABEL,
    journal: request.line.disk.journal,
    epoch: request.epoch,
  });
  return { raw, layout, rootUuid: uuid };
}

/** An empty file of ours that the sandbox's root may write: so that results belong to the caller. */
async function sharedFile(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  await (await open(path, 'w')).close();
  await truncate(path, size);
  await chmod(path, 0o666);
  return path;
}

/** A compressed qcow2 of the raw disk: the same bytes each time, readable by QEMU 5.1 and newer. */
export async function convertToQcow2(sandbox: Sandbox, out: string): Promise<string> {
  const path = await sharedFile(out, 'disk.qcow2', 0);
  // Without -W: clusters in order, so that the same disk gives the same file.
  const options = ['-c', '-o', 'compression_type=zstd', '-m', '16'];
  await sandbox.run([
    'qemu-img',
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    ...options,
    `/out/${RAW}`,
    '/out/disk.qcow2',
  ]);
  return path;
}
