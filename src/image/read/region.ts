import type { Disk } from './disk.ts';

/** A piece of a disk that should hold a filesystem, bytes. */
export interface Region {
  readonly disk: Disk;
  readonly offset: number;
  readonly size: number;
}
