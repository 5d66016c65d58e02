import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bootableImage, diskImages } from '../bundle/core.ts';
import { readText } from '../bundle/files.ts';
import { parseJson } from '../bundle/json.ts';
import { readManifest } from '../bundle/manifest.ts';
import { corePath } from '../bundle/names.ts';
import { listStatements } from '../bundle/statements.ts';
import type { Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { asRaw } from '../image/disk-file.ts';
import { DOCUMENTS, mountedFilesystems, withImageTree } from '../image/documents.ts';
import type { ImageTree } from '../image/read/tree.ts';
import { type ChangelogEntry, entriesSince } from './changelog.ts';
import { readInventory } from './inventory.ts';

export interface PackageChange {
  readonly name: string;
  /** Absent: it is new. */
  readonly before?: string;
  /** Absent: it is gone. */
  readonly now?: string;
  /** What its changelog in the newer image says since the older version, newest first. */
  readonly changelog: readonly ChangelogEntry[];
}

export interface FileChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
}

/** What differs between two builds, the older first. */
export interface Difference {
  readonly before: Manifest;
  readonly now: Manifest;
  /** By name. */
  readonly packages: readonly PackageChange[];
  readonly files: readonly FileChange[];
  /** Below /etc: what an administrator sees first. */
  readonly configuration: readonly FileChange[];
  /** Seconds from power-on to a configured guest, by place; of the newest report of each. */
  readonly boot: readonly { readonly place: string; readonly before?: number; readonly now?: number }[];
  /** All CVE numbers that changelogs name, sorted. */
  readonly cves: readonly string[];
}

/**
 * Compares two bundles by their documents; changelogs are read from the newer image itself.
 * @param work directory in which a sparse copy of that image may stand for a while
 * @throws DefinitionError when one of them is no bundle
 */
export async function compareBundles(
  context: Context,
  { before, now, work }: { before: string; now: string; work: string },
): Promise<Difference> {
  const [older, newer] = [await readManifest(before), await readManifest(now)];
  const [had, has] = [await packagesOf(before), await packagesOf(now)];
  const files = compareFiles(await inventoryOf(before), await inventoryOf(now));
  const packages = await withChangelogs(context, { manifest: newer, bundle: now, work }, changed(had, has));
  const cves = packages.flatMap(each => each.changelog.flatMap(entry => entry.cves));
  return {
    before: older,
    now: newer,
    packages,
    files,
    configuration: files.filter(({ path }) => path.startsWith('/etc/')),
    boot: await bootTimes(before, now),
    cves: [...new Set(cves)].sort(),
  };
}

/** Versions by `name` of packages.txt, whose lines are name, version and architecture. */
async function packagesOf(bundle: string): Promise<Map<string, string>> {
  const text = await readText(join(corePath(bundle), DOCUMENTS.packages));
  const rows = text.split('\n').filter(line => line !== '');
  return new Map(
    rows.map(row => row.split(' ') as [string, string]).map(([name, version]) => [name, version]),
  );
}

function changed(had: ReadonlyMap<string, string>, has: ReadonlyMap<string, string>) {
  return [...new Set([...had.keys(), ...has.keys()])]
    .sort()
    .filter(name => had.get(name) !== has.get(name))
    .map(name => {
      const [before, now] = [had.get(name), has.get(name)];
      return { name, ...(before === undefined ? {} : { before }), ...(now === undefined ? {} : { now }) };
    });
}

/** What an inventory says of each path, but for times, which every rebuild may move. */
async function inventoryOf(bundle: string): Promise<Map<string, string>> {
  const entries = await readInventory(bundle);
  return new Map(
    [...entries].map(([path, { mtime: _mtime, hardLink: _inode, ...rest }]) => [path, JSON.stringify(rest)]),
  );
}

function compareFiles(had: ReadonlyMap<string, string>, has: ReadonlyMap<string, string>): FileChange[] {
  const kind = (path: string) => (has.has(path) ? (had.has(path) ? 'changed' : 'added') : 'removed');
  return [...new Set([...had.keys(), ...has.keys()])]
    .filter(path => had.get(path) !== has.get(path))
    .sort()
    .map(path => ({ path, kind: kind(path) }));
}

type Changed = ReturnType<typeof changed>;

async function withChangelogs(
  context: Context,
  { manifest, bundle, work }: { manifest: Manifest; bundle: string; work: string },
  packages: Changed,
): Promise<PackageChange[]> {
  const none = packages.map(each => ({ ...each, changelog: [] }));
  const image = diskImages(manifest).find(each => each.form === 'raw') ?? bootableImage(manifest);
  const updated = packages.some(({ before, now }) => before !== undefined && now !== undefined);
  if (!updated) return none;
  const file = { form: image.form, path: join(corePath(bundle), image.path) };
  const raw = await asRaw(context, file, manifest.diskSize, work);
  try {
    return await withImageTree(raw.path, mountedFilesystems(manifest.volumes), async tree => {
      const all: PackageChange[] = [];
      for (const each of packages) all.push({ ...each, changelog: await changelogOf(tree, each) });
      return all;
    });
  } finally {
    await raw.remove();
  }
}

const LARGEST = 16 * 1024 * 1024;

async function changelogOf(
  tree: ImageTree,
  { name, before, now }: Changed[number],
): Promise<ChangelogEntry[]> {
  if (before === undefined || now === undefined) return [];
  for (const file of ['changelog.Debian.gz', 'changelog.gz', 'changelog.Debian']) {
    const content = await tree.readFile(`/usr/share/doc/${name}/${file}`, LARGEST).catch(() => undefined);
    if (content === undefined) continue;
    const text = file.endsWith('.gz')
      ? await promisify(gunzip)(content, { maxOutputLength: 4 * LARGEST }).catch(() => undefined)
      : content;
    if (text !== undefined) return entriesSince(text.toString('utf8'), before);
  }
  return [];
}

async function bootTimes(before: string, now: string): Promise<Difference['boot']> {
  const [had, has] = [await bootSeconds(before), await bootSeconds(now)];
  return [...new Set([...had.keys(), ...has.keys()])].sort().map(place => {
    const [older, newer] = [had.get(place), has.get(place)];
    return {
      place,
      ...(older === undefined ? {} : { before: older }),
      ...(newer === undefined ? {} : { now: newer }),
    };
  });
}

/** By place; nobody vouches for them here, they are for the reader's eyes. */
async function bootSeconds(bundle: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const { folder, place } of await listStatements(bundle, { kind: 'verdict' })) {
    if (!(await readdir(folder)).includes('report.json')) continue;
    const report = parseJson(await readText(join(folder, 'report.json')), folder);
    const seconds = (report as { bootSeconds?: unknown }).bootSeconds;
    if (typeof seconds === 'number') times.set(place, seconds);
  }
  return times;
}
