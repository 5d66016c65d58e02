import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../bundle/types.ts';
import { isFilesystem } from '../definition/filesystems.ts';
import { CancelledError, CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { compareInventories } from './inventory.ts';
import { type InventoryLine, inventoryLine } from './inventory-line.ts';
import { LOGINS_LIMIT } from './logins.ts';
import { type InstalledPackage, packageList, parseDpkgStatus, type SbomSubject, spdx } from './packages.ts';
import { openDisk } from './read/disk.ts';
import type { Entry, Filesystem } from './read/filesystem.ts';
import { ImageTree, type MountedFilesystem } from './read/tree.ts';
import { isJudged } from './seal.ts';

/** Version of the inventory's format, in its first line. */
const INVENTORY_FORMAT = 1;

const STATUS = '/var/lib/dpkg/status';
const STATUS_LIMIT = 32 * 1024 * 1024;

/**
 * What is in an image, read from its own bytes: build writes these beside the image, and verify makes them
 * again from the bytes it boots and compares.
 */
export interface Documents {
  readonly inventory: string;
  readonly packages: string;
  readonly sbom: string;
  readonly entries: readonly Entry[];
  /** Text of the files that the seal list looks into, by path. */
  readonly judged: ReadonlyMap<string, string>;
  readonly installed: readonly InstalledPackage[];
}

/** File names in the core. */
export const DOCUMENTS = {
  inventory: 'inventory.jsonl',
  packages: 'packages.txt',
  sbom: 'sbom.spdx.json',
} as const;

export interface DocumentsRequest extends SbomSubject {
  /** Path of the raw disk. */
  readonly raw: string;
  /** The root and what is mounted below it; see mountedFilesystems. */
  readonly filesystems: readonly MountedFilesystem[];
}

/** Those of a manifest's volumes whose files are told of; a FAT is the firmware's, and no part of the tree. */
export function mountedFilesystems(volumes: Manifest['volumes']): MountedFilesystem[] {
  return volumes.flatMap(({ partition, content, mountPoint }) =>
    isFilesystem(content) && mountPoint !== undefined ? [{ partition, mountPoint }] : [],
  );
}

/** @throws CheckError when the disk is damaged */
export async function readDocuments(request: DocumentsRequest, signal?: AbortSignal): Promise<Documents> {
  return withImageTree(request.raw, request.filesystems, tree => documentsOf(tree, request, signal));
}

function isLoginFile({ path, type, size }: Entry): boolean {
  return type === 'file' && size <= LOGINS_LIMIT && isJudged({ path: path.slice(1), type: 'f', size });
}

async function readText(tree: ImageTree, path: string): Promise<string> {
  return (await tree.readFile(path, LOGINS_LIMIT))?.toString('utf8') ?? '';
}

/** Opens the tree of a raw disk for the time of body. */
export async function withImageTree<T>(
  raw: string,
  filesystems: readonly MountedFilesystem[],
  body: (tree: ImageTree) => Promise<T>,
): Promise<T> {
  const disk = await openDisk(raw);
  try {
    return await body(await ImageTree.open(disk, filesystems));
  } finally {
    await disk.close();
  }
}

async function documentsOf(
  tree: ImageTree,
  request: DocumentsRequest,
  signal: AbortSignal | undefined,
): Promise<Documents> {
  const entries: Entry[] = [];
  const judged = new Map<string, string>();
  const lines = [
    JSON.stringify({ formatVersion: INVENTORY_FORMAT, image: request.image, version: request.version }),
  ];
  for await (const { entry, root } of tree.walk()) {
    if (signal?.aborted) throw new CancelledError();
    entries.push(entry);
    if (isLoginFile(entry)) judged.set(entry.path, await readText(tree, entry.path));
    lines.push(JSON.stringify(await describe(root, entry)));
  }
  const status = await tree.readFile(STATUS, STATUS_LIMIT);
  const installed = parseDpkgStatus(status?.toString('utf8') ?? '');
  return {
    inventory: `${lines.join('\n')}\n`,
    packages: packageList(installed),
    sbom: spdx(installed, request),
    entries,
    judged,
    installed,
  };
}

async function describe(root: Filesystem, entry: Entry): Promise<InventoryLine> {
  const { type, size, mtime } = entry;
  const isFile = type === 'file';
  return inventoryLine({
    ...entry,
    mtime: mtime.seconds,
    ...(isFile ? { content: { size, sha256: await digest(root, entry) } } : {}),
    ...(isFile && entry.links > 1 ? { hardLink: entry.inode } : {}),
  });
}

async function digest(root: Filesystem, entry: Entry): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of root.read(entry)) hash.update(piece);
  return hash.digest('hex');
}

/** Puts the documents into a core. */
export async function writeDocuments(
  core: string,
  request: DocumentsRequest,
  signal?: AbortSignal,
): Promise<Documents> {
  const documents = await readDocuments(request, signal);
  for (const [kind, name] of Object.entries(DOCUMENTS)) {
    await writeFile(join(core, name), documents[kind as keyof typeof DOCUMENTS]);
  }
  return documents;
}

/**
 * Compares a core's documents with what the finished image holds.
 * @throws CheckError naming the first difference
 */
export async function compareDocuments(core: string, actual: Documents): Promise<void> {
  for (const [kind, name] of Object.entries(DOCUMENTS)) {
    const told = await readFile(join(core, name), 'utf8').catch(cause => {
      throw new CheckError(`core/${name} cannot be read`, { advice: 'build the image again', cause });
    });
    const made = actual[kind as keyof typeof DOCUMENTS];
    if (told === made) continue;
    const difference = kind === 'inventory' ? ofInventory(told, made) : ofLines(told, made);
    throw new CheckError(`core/${name} does not tell what is in the image: ${difference}`, {
      advice: 'the bundle is not what its build made; build it again',
    });
  }
}

function ofInventory(told: string, actual: string): string {
  const [first, ...more] = compareInventories(told, actual);
  // Nothing differs in meaning: then the order or the spelling does.
  if (first === undefined) return ofLines(told, actual);
  return clean(more.length === 0 ? first : `${first} (and ${more.length} more)`);
}

function ofLines(told: string, actual: string): string {
  const [left, right] = [told.split('\n'), actual.split('\n')];
  const row = left.findIndex((line, index) => line !== right[index]);
  const at = row < 0 ? left.length : row;
  return clean(`line ${at + 1} says ${excerpt(left[at])}, the image ${excerpt(right[at])}`);
}

function excerpt(line: string | undefined): string {
  return line === undefined || line === '' ? 'nothing' : line.slice(0, 160);
}
