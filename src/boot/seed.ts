import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../host/process.ts';
import { tied } from './tied.ts';

/** What cloud-init's NoCloud data source reads; the key comes as a cloud's key pair does, in the meta-data. */
export interface Seed {
  readonly instanceId: string;
  readonly hostName: string;
  /** In the form of authorized_keys. */
  readonly publicKey: string;
  readonly userData: string;
}

const SIZE = 1024 * 1024;

/** JSON is YAML too, and leaves no question of quoting. */
export function metaData({ instanceId, hostName, publicKey }: Seed): string {
  return `${JSON.stringify({ 'instance-id': instanceId, 'local-hostname': hostName, 'public-keys': [publicKey] })}\n`;
}

/**
 * Writes a small FAT disk labelled CIDATA.
 * @param path absolute path of the image to make; a folder of the same name with `.d` is made beside it
 */
export async function makeSeedDisk(path: string, seed: Seed, signal: AbortSignal): Promise<void> {
  const folder = `${path}.d`;
  await mkdir(folder);
  await writeFile(join(folder, 'meta-data'), metaData(seed));
  await writeFile(join(folder, 'user-data'), seed.userData);
  await writeFile(path, '');
  await truncate(path, SIZE);
  await run(tied(['mkfs.vfat', '-n', 'CIDATA', path]), { signal });
  const files = ['meta-data', 'user-data'].map(name => join(folder, name));
  await run(tied(['mcopy', '-i', path, ...files, '::']), { signal });
}
