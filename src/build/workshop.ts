import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { availableMemory } from '../host/room.ts';
import { UID_BASE } from '../host/sandbox/protocol.ts';
import { Sandbox } from '../host/sandbox/sandbox.ts';

const GIB = 1024 ** 3;

/** Room a tree may take, bytes: the size of its memory file system, and what is asked of a disk. */
export const TREE_ROOM = 6 * GIB;

export interface Workshop {
  readonly tools: string;
  /** From rootPrefix(). */
  readonly root: readonly string[];
  /** Private directory of this build; see src/host/workdir.ts. */
  readonly work: string;
  /** Directory of results, made here. */
  readonly out: string;
  /** Directory of downloads shared among builds, owned by the sandbox's root. */
  readonly downloads: string;
  /** See EnterRequest. */
  readonly files?: string;
}

/** Whether a tree grows in memory, on a host with so much of it to spare. */
export function isInMemory(available: number): boolean {
  return available > TREE_ROOM + GIB;
}

/** Opens the sandbox of a build: hooks at /elements, results at /out, the tree at /build/tree. */
export async function openWorkshop(context: Context, workshop: Workshop): Promise<Sandbox> {
  const { work, out, downloads } = workshop;
  const memory = isInMemory(await availableMemory());
  for (const name of ['root', 'build', 'elements']) await mkdir(join(work, name), { recursive: true });
  await mkdir(out, { recursive: true });
  // The sandbox's root is a stranger to us: it may write here because everybody may, and nobody else gets in.
  await chmod(out, 0o777);
  await mkdir(downloads, { recursive: true });
  const sandbox = await Sandbox.open(context, workshop.root);
  try {
    // The elements too: what only their owner may read (a sudoers file) is otherwise shut to the sandbox's root.
    for (const path of [downloads, join(work, 'build'), join(work, 'elements')]) {
      await sandbox.request({ op: 'give', path, uid: UID_BASE, gid: UID_BASE });
    }
    const bind = (source: string, target: string, writable: boolean) => ({ source, target, writable });
    await sandbox.enter({
      tools: workshop.tools,
      mountPoint: join(work, 'root'),
      binds: [
        bind(out, '/out', true),
        bind(join(work, 'elements'), '/elements', false),
        bind(downloads, '/cache', true),
        ...(memory ? [] : [bind(join(work, 'build'), '/build', true)]),
      ],
      memory: memory ? [{ target: '/build', bytes: TREE_ROOM }] : [],
      network: true,
      ...(workshop.files === undefined ? {} : { files: workshop.files }),
    });
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
