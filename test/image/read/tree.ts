import { createHash } from 'node:crypto';
import { lstat, mkdtemp, open, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/host/process.ts';
import { type Disk, openDisk } from '../../../src/image/read/disk.ts';
import { Ext4 } from '../../../src/image/read/ext4/ext4.ts';
import type { Entry, Filesystem } from '../../../src/image/read/filesystem.ts';

/** Calls body with a temporary directory. */
export async function inTemporary<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'image-read-'));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A filesystem image of a tree, made by mke2fs. */
export async function makeFilesystem(
  tree: string,
  image: string,
  options: readonly string[],
  size = '8M',
): Promise<void> {
  const { uid, gid } = await lstat(tree);
  const owner = ['-E', `root_owner=${uid}:${gid}`];
  await run(['mke2fs', '-q', '-F', '-d', tree, ...owner, ...options, image, size]);
}

/** Changes a filesystem image by debugfs, one request a line, and gives what it said. */
export async function debugfs(image: string, ...requests: string[]): Promise<string> {
  const script = `${image.replace(/\?.*/, '')}.debugfs`;
  await writeFile(script, `${requests.join('\n')}\n`);
  const { stdout, stderr } = await run(['debugfs', '-w', '-f', script, image]);
  return stdout + stderr;
}

/** Changes one block of a filesystem image. */
export async function patchBlock(
  image: string,
  block: number,
  blockSize: number,
  change: (block: Buffer) => void,
): Promise<void> {
  const file = await open(image, 'r+');
  const bytes = Buffer.alloc(blockSize);
  await file.read(bytes, 0, blockSize, block * blockSize);
  change(bytes);
  await file.write(bytes, 0, blockSize, block * blockSize);
  await file.close();
}

export async function withFilesystem<T>(
  image: string,
  body: (root: Ext4, disk: Disk) => Promise<T>,
): Promise<T> {
  const disk = await openDisk(image);
  try {
    return await body(await Ext4.open(disk, 0, disk.size), disk);
  } finally {
    await disk.close();
  }
}

/** What a tree looks like, by whichever reader: one object a path. */
export type Listing = Record<string, Record<string, unknown>>;

/** As our reader sees it; `/lost+found` is mke2fs's own. */
export async function listImage(root: Filesystem): Promise<Listing> {
  const listing: Listing = {};
  for await (const entry of root.walk()) {
    if (entry.path.startsWith('/lost+found')) continue;
    listing[entry.path] = await seen(root, entry);
  }
  return listing;
}

async function seen(root: Filesystem, entry: Entry): Promise<Record<string, unknown>> {
  const { type, mode, uid, gid, target, device } = entry;
  const file =
    type === 'file' ? { size: entry.size, links: entry.links, sha256: await hash(root, entry) } : {};
  const attributes = entry.attributes.size === 0 ? {} : { attributes: [...entry.attributes.keys()] };
  const mtime = entry.path === '/' ? {} : { mtime: entry.mtime.seconds };
  return {
    type,
    mode,
    uid,
    gid,
    ...mtime,
    ...file,
    ...attributes,
    ...(target ? { target } : {}),
    ...(device ? { device } : {}),
  };
}

async function hash(root: Filesystem, entry: Entry): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of root.read(entry)) digest.update(piece);
  return digest.digest('hex');
}

/** As the host's kernel sees it: the judge. */
export async function listHost(tree: string): Promise<Listing> {
  const listing: Listing = {};
  const names = ['', ...(await readdir(tree, { recursive: true }))].sort();
  for (const name of names) listing[`/${name}`] = await seenByHost(join(tree, name), name === '');
  return listing;
}

async function seenByHost(path: string, isRoot: boolean): Promise<Record<string, unknown>> {
  const stat = await lstat(path);
  const common = {
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    ...(isRoot ? {} : { mtime: Math.floor(stat.mtimeMs / 1000) }),
  };
  if (stat.isSymbolicLink()) return { type: 'symlink', ...common, target: await readlink(path) };
  if (stat.isDirectory()) return { type: 'directory', ...common };
  if (stat.isFIFO()) return { type: 'fifo', ...common };
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { type: 'file', ...common, size: stat.size, links: stat.nlink, sha256 };
}
