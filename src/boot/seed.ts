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
  readonly vendorData?: string;
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
  const contents: Readonly<Record<string, string>> = {
    'meta-data': metaData(seed),
    'user-data': seed.userData,
    ...(seed.vendorData !== undefined && { 'vendor-data': seed.vendorData }),
  };
  const files = Object.keys(contents).map(name => join(folder, name));
  for (const [name, text] of Object.entries(contents)) await writeFile(join(folder, name), text);
  await writeFile(path, '');
  await truncate(path, SIZE);
  await run(tied(['mkfs.vfat', '-n', 'CIDATA', path]), { signal });
  await run(tied(['mcopy', '-i', path, ...files, '::']), { signal });
}
