import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Context } from '../../host/context.ts';
import { NetworkError } from '../../host/errors.ts';
import { run } from '../../host/process.ts';
import { fetchFile, sha256 } from './fetch.ts';
import { type BinaryPackage, parsePackages } from './packages.ts';
import type { Suite } from './state.ts';

/** Raise it when what is kept of a package changes. */
const FORMAT = 3;

/** Lists that nobody asked for in so many days are removed, milliseconds. */
const KEPT = 14 * 24 * 3600_000;

/** Compressions of a package list that can be read, best first; every mirror has one of them. */
const ENDINGS = ['.xz', '.gz'] as const;

/**
 * The packages that a suite offers for an architecture. Lists are kept by their digests, taken apart already:
 * a suite that did not change costs one small file and no download.
 * @param folder of kept lists
 * @throws NetworkError when a list cannot be had or is not what the suite's InRelease names
 */
export async function packagesOf(
  context: Context,
  suite: Suite,
  architecture: string,
  folder: string,
): Promise<BinaryPackage[]> {
  const lists = suite.source.components.map(component =>
    packageList(context, suite, `${component}/binary-${architecture}/Packages`, folder),
  );
  return (await Promise.all(lists)).flat();
}

async function packageList(
  context: Context,
  suite: Suite,
  path: string,
  folder: string,
): Promise<BinaryPackage[]> {
  const ending = ENDINGS.find(each => suite.files.has(path + each));
  const digest = suite.files.get(path + (ending ?? ''));
  // A suite may lack a component, as apt allows.
  if (ending === undefined || digest === undefined) return [];
  const kept = join(folder, `${digest}.${FORMAT}.json`);
  const known = await readKept<BinaryPackage[]>(context, kept);
  if (known !== undefined) return known;
  const url = `${suite.source.uri}/dists/${suite.suite}/${path}${ending}`;
  const content = await fetchFile(context, url);
  if (sha256(content) !== digest) {
    throw new NetworkError(`${url} is not what the InRelease file of ${suite.suite} names`, {
      advice: 'the mirror is being updated or is broken; try again, or take another',
    });
  }
  const packages = [...parsePackages(await unpack(context, content, ending, folder))];
  await keep(context, kept, packages);
  await removeOld(context, folder);
  return packages;
}

/** What `keep` has written there; undefined where nothing whole is. */
export async function readKept<T>(context: Context, path: string): Promise<T | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as T;
    await utimes(path, context.now(), context.now());
    return value;
  } catch {
    return undefined;
  }
}

/** Writes plain data for later runs; none of them sees half of it. */
export async function keep(context: Context, path: string, value: unknown): Promise<void> {
  await withTemporary(context, dirname(path), async temporary => {
    await writeFile(temporary, JSON.stringify(value));
    await rename(temporary, path);
  });
}

async function withTemporary<T>(
  context: Context,
  folder: string,
  body: (path: string) => Promise<T>,
): Promise<T> {
  const temporary = join(folder, `.partial-${context.random(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  try {
    return await body(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function unpack(
  context: Context,
  content: Buffer,
  ending: (typeof ENDINGS)[number],
  folder: string,
): Promise<string> {
  if (ending === '.gz') return (await promisify(gunzip)(content)).toString('utf8');
  return withTemporary(context, folder, async temporary => {
    const packed = `${temporary}.xz`;
    try {
      await writeFile(packed, content);
      await run(['xz', '--decompress', packed]);
      return await readFile(temporary, 'utf8');
    } finally {
      await rm(packed, { force: true });
    }
  });
}

async function removeOld(context: Context, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const used = await stat(path).catch(() => undefined);
    if (used !== undefined && context.now().getTime() - used.mtimeMs > KEPT) await rm(path, { force: true });
  }
}
