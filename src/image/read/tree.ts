import type { Disk } from './disk.ts';
import type { Entry, Filesystem } from './filesystem.ts';
import { compareText } from './names.ts';
import { openFilesystem } from './open.ts';
import { findPartition } from './partitions.ts';

/** A filesystem of a disk, and where it is mounted. */
export interface MountedFilesystem {
  /** 0: the whole disk. */
  readonly partition: number;
  /** `/`, or a path without a slash at its end. */
  readonly mountPoint: string;
}

/**
 * The tree of an image whose parts lie in several filesystems, read without mounting any: what a guest sees
 * when all of them are mounted.
 */
export class ImageTree {
  /** The longest mount point first. */
  readonly #parts: readonly { readonly point: string; readonly root: Filesystem }[];

  private constructor(parts: readonly { point: string; root: Filesystem }[]) {
    this.#parts = [...parts].sort((a, b) => b.point.length - a.point.length);
  }

  /** @throws CheckError when a partition is not there, or holds no filesystem that can be read */
  static async open(disk: Disk, filesystems: readonly MountedFilesystem[]): Promise<ImageTree> {
    const parts: { point: string; root: Filesystem }[] = [];
    for (const { partition, mountPoint } of filesystems) {
      const { offset, size } = await findPartition(disk, partition);
      parts.push({ point: mountPoint, root: await openFilesystem({ disk, offset, size }) });
    }
    return new ImageTree(parts);
  }

  /** Every entry, with its path in the whole tree and the filesystem that `read` takes it from. */
  async *walk(): AsyncGenerator<{ entry: Entry; root: Filesystem }, void, undefined> {
    const points = this.#parts.map(each => each.point);
    for (const { point, root } of [...this.#parts].sort((a, b) => compareText(a.point, b.point))) {
      for await (const entry of root.walk()) {
        const path = point === '/' ? entry.path : point + (entry.path === '/' ? '' : entry.path);
        const covered = points.some(
          each =>
            each !== point && each.length > point.length && (path === each || path.startsWith(`${each}/`)),
        );
        if (!covered) yield { entry: { ...entry, path }, root };
      }
    }
  }

  /**
   * The content of a regular file, symlinks followed inside its filesystem.
   * @param limit largest size that is taken, bytes
   * @returns undefined when there is no such file
   */
  readFile(path: string, limit: number): Promise<Buffer | undefined> {
    const part = this.#parts.find(({ point }) => point === '/' || path.startsWith(`${point}/`));
    if (part === undefined) return Promise.resolve(undefined);
    return part.root.readFile(part.point === '/' ? path : path.slice(part.point.length), limit);
  }
}
