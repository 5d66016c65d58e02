import type { TreeForm } from '../definition/forms.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { ToolError } from '../host/process.ts';
import { TREE_READERS } from './forms/index.ts';
import { withoutGrants } from './grants.ts';
import { compareInventories } from './inventory.ts';
import { type InventoryLine, inventoryLine, parseInventory } from './inventory-line.ts';
import { compareText } from './read/names.ts';
import { readTar, type TarEntry } from './read/tar.ts';

/** One file with a whole tree in it. */
export interface TreeFile {
  readonly path: string;
  readonly form: TreeForm;
}

/**
 * Proves that a file holds the tree that stands on the disk: the same names, each with the same type, content, owner,
 * mode, time, attributes and other names. Two things are the disk's alone: lost+found, which mke2fs makes, and the
 * time of a filesystem's own root, which is that of its making. A squashfs lacks the access lists that only grant.
 * @param disk its inventory, as documents.ts makes it, and the mount points of its filesystems
 * @returns how many names there are
 * @throws CheckError naming the first difference
 */
export async function requireSameTree(
  context: Context,
  file: TreeFile,
  disk: { readonly inventory: string; readonly points: readonly string[] },
): Promise<number> {
  const lost = new Set(disk.points.map(point => `${point === '/' ? '' : point}/lost+found`));
  const kept = parseInventory(disk.inventory).filter(({ path }) => !lost.has(path));
  const onDisk = file.form === 'squashfs' ? kept.map(withoutGrants) : kept;
  const inFile = await linesOf(context, file);
  const [first, ...more] = compareInventories(written(onDisk, disk.points), written(inFile, disk.points));
  if (first === undefined) return inFile.length;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw refused(file, `holds another tree than the disk: ${clean(first)}${others}`);
}

function refused({ path }: TreeFile, what: string, cause?: unknown): CheckError {
  return new CheckError(`${path} ${what}`, { advice: 'build the image again', cause });
}

async function linesOf(context: Context, file: TreeFile): Promise<InventoryLine[]> {
  const found = new Map<string, InventoryLine>();
  try {
    for await (const entry of readTar(TREE_READERS[file.form].archive(context, file.path), file.path)) {
      if (found.has(entry.path)) throw refused(file, `names ${clean(entry.path)} twice`);
      found.set(entry.path, lineOf(entry, found, file));
    }
  } catch (error) {
    throw error instanceof ToolError ? refused(file, 'cannot be read to its end', error) : error;
  }
  return [...found.values()];
}

/** An entry as the inventory has it; another name of a file is all that the file is. */
function lineOf(entry: TarEntry, earlier: Map<string, InventoryLine>, file: TreeFile): InventoryLine {
  const { type, target = '' } = entry;
  if (type !== 'hardlink') return inventoryLine({ ...entry, type });
  const other = earlier.get(target);
  if (other === undefined) {
    throw refused(file, `has ${clean(entry.path)} as another name of a file that it does not hold`);
  }
  const hardLink = other.hardLink ?? other.path;
  earlier.set(target, { ...other, hardLink });
  return { ...other, path: entry.path, hardLink };
}

/**
 * An inventory in which a file with several names is marked by the first of them: inode numbers are the disk's own,
 * and names on different filesystems are different files there.
 */
function written(lines: readonly InventoryLine[], points: readonly string[]): string {
  const key = ({ path, hardLink }: InventoryLine) => `${filesystemOf(path, points)} ${hardLink}`;
  const names = new Map<string, string[]>();
  for (const line of lines) {
    if (line.hardLink === undefined) continue;
    names.set(key(line), [...(names.get(key(line)) ?? []), line.path]);
  }
  const marked = lines.map(({ hardLink, mtime, ...line }) => {
    const all = hardLink === undefined ? [] : (names.get(key({ ...line, mtime, hardLink })) ?? []);
    const [first] = [...all].sort(compareText);
    return {
      ...line,
      ...(all.length > 1 ? { hardLink: first } : {}),
      ...(points.includes(line.path) ? {} : { mtime }),
    };
  });
  return marked.map(line => `${JSON.stringify(line)}\n`).join('');
}

/** The mount point that a path lies below. */
function filesystemOf(path: string, points: readonly string[]): string {
  const above = points.filter(point => point === '/' || path === point || path.startsWith(`${point}/`));
  return above.reduce((longest, point) => (point.length > longest.length ? point : longest), '');
}
