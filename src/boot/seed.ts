import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../host/process.ts';
import type { Documents } from './metadata/documents.ts';
import { tied } from './tied.ts';

/** Names by which cloud-init finds a disk with metadata. */
export const LABELS = { nocloud: 'CIDATA', 'config-drive': 'config-2' } as const;

const SIZE = 1024 * 1024;

/**
 * Writes a small FAT disk.
 * @param path absolute path of the image to make; a folder of the same name with `.d` is made beside it
 */
export async function makeSeedDisk(
  path: string,
  documents: Documents,
  label: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = `${path}.d`;
  for (const [name, content] of Object.entries(documents)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  await writeFile(path, '');
  await truncate(path, SIZE);
  await run(tied(['mkfs.vfat', '-n', label, path]), { signal });
  const tops = [...new Set(Object.keys(documents).map(name => join(folder, name.split('/')[0] ?? '')))];
  await run(tied(['mcopy', '-s', '-i', path, ...tops, '::']), { signal });
}
