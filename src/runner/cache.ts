import { rm } from 'node:fs/promises';
import type { Context } from '../host/context.ts';
import type { Environment } from './types.ts';

/**
 * The CI system's cache, for downloaded packages and, where that is asked for, layers. What comes back is as
 * untrusted as a mirror. Packages are verified by the archive's signatures, layers of a release by that of their list,
 * others by nobody. Nothing here may fail a build.
 */
export interface CacheEntry {
  readonly directory: string;
  readonly key: string;
  /** Whether exactly this key was found, so that there is nothing to save. */
  readonly hit: boolean;
}

/** Package downloads of earlier builds on this machine. @returns undefined where there is no home */
export function packageDirectory(env: Environment): string | undefined {
  const base = env.XDG_CACHE_HOME ?? (env.HOME === undefined ? undefined : `${env.HOME}/.cache`);
  return base === undefined ? undefined : `${base}/image-factory/downloads`;
}

/** Fetches the newest saved packages of this image line; never fails. */
export async function restorePackages(
  context: Context,
  directory: string,
  image: string,
): Promise<CacheEntry | undefined> {
  const prefix = `image-factory-packages-${image}-`;
  const key = prefix + context.now().toISOString().slice(0, 10);
  const found = await restore(context, { directory, key }, prefix);
  return found === undefined ? undefined : { directory, key, hit: found === key };
}

/** Layers that a build has left, and those that a job with a key has signed. */
export type LayersKind = 'layers' | 'signed-layers';

/** Fetches the newest saved layers of this image line, into a folder that is emptied; never fails. @returns whether there were some */
export async function restoreLayers(
  context: Context,
  directory: string,
  image: string,
  kind: LayersKind,
): Promise<boolean> {
  const prefix = layersPrefix(image, kind);
  await rm(directory, { recursive: true, force: true });
  return Boolean(await restore(context, { directory, key: prefix }, prefix));
}

/** What is to be saved of layers. @param name of these very layers */
export function layersEntry(directory: string, image: string, kind: LayersKind, name: string): CacheEntry {
  return { directory, key: layersPrefix(image, kind) + name, hit: false };
}

function layersPrefix(image: string, kind: LayersKind): string {
  return `image-factory-${kind}-${image}-`;
}

/** @returns the key that was found, empty for none; undefined where there is no cache */
async function restore(
  context: Context,
  { directory, key }: { directory: string; key: string },
  prefix: string,
): Promise<string | undefined> {
  return quietly(context, `restore ${prefix}*`, directory, async cache => {
    const found = await cache.restoreCache([directory], key, [prefix]);
    context.log.info(found === undefined ? `nothing in the cache for ${prefix}*` : `restored ${found}`);
    return found ?? '';
  });
}

/** @throws nothing: a cache that cannot be written is told */
export async function saveCache(context: Context, entry: CacheEntry): Promise<void> {
  if (entry.hit) return;
  await quietly(context, `save ${entry.key}`, entry.directory, async cache => {
    await cache.saveCache([entry.directory], entry.key);
    return undefined;
  });
}

async function quietly<T>(
  context: Context,
  what: string,
  directory: string,
  body: (cache: typeof import('@actions/cache')) => Promise<T>,
): Promise<T | undefined> {
  // Half of the bundle's weight is behind this import, and few builds ask for it.
  const cache = await import('@actions/cache');
  if (!cache.isFeatureAvailable()) return undefined;
  try {
    return await within(directory, () => body(cache));
  } catch (error) {
    context.log.warn(`could not ${what}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/**
 * The cache's client unpacks an archive with names as they are, so that who wrote an entry could write any file of this
 * user, long before a signature is looked at. Names begin at the working directory of its tar, and GNU tar takes options from
 * its environment: no name, and no target of a link, leads out of the folder.
 */
async function within<T>(directory: string, body: () => Promise<T>): Promise<T> {
  const own = { GITHUB_WORKSPACE: directory, TAR_OPTIONS: '--transform=s,[.][.],__,g;s,^/*,./,' };
  const before = Object.keys(own).map(name => [name, process.env[name]] as const);
  Object.assign(process.env, own);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
