import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const known = await readKept(context, kept);
  if (known !== undefined) return known;
  const url = `${suite.source.uri}/dists/${suite.suite}/${path}${ending}`;
  const content = await fetchFile(context, url);
  if (sha256(content) !== digest) {
    throw new NetworkError(`${url} is not what the InRelease file of ${suite.suite} names`, {
      advice: 'the mirror is being updated or is broken; try again, or take another',
    });
  }
  const temporary = join(folder, `.partial-${context.random(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  try {
    const packages = [...parsePackages(await unpack(content, ending, temporary))];
    await writeFile(temporary, JSON.stringify(packages));
    await rename(temporary, kept);
    await removeOld(context, folder);
    return packages;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readKept(context: Context, path: string): Promise<BinaryPackage[] | undefined> {
  try {
    const packages = JSON.parse(await readFile(path, 'utf8')) as BinaryPackage[];
    await utimes(path, context.now(), context.now());
    return packages;
  } catch {
    return undefined;
  }
}

async function unpack(content: Buffer, ending: (typeof ENDINGS)[number], temporary: string): Promise<string> {
  if (ending === '.gz') return (await promisify(gunzip)(content)).toString('utf8');
  const packed = `${temporary}.xz`;
  try {
    await writeFile(packed, content);
    await run(['xz', '--decompress', packed]);
    return await readFile(temporary, 'utf8');
  } finally {
    await rm(packed, { force: true });
  }
}

async function removeOld(context: Context, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const used = await stat(path).catch(() => undefined);
    if (used !== undefined && context.now().getTime() - used.mtimeMs > KEPT) await rm(path, { force: true });
  }
}
