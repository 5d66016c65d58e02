import type { Context } from '../host/context.ts';
import type { Environment } from './types.ts';

/**
 * The CI system's cache, for one thing only: the directory of downloaded packages. What comes back is as
 * untrusted as a mirror; the package manager verifies it by the archive's signatures. Nothing here may fail
 * a build.
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
export async function restoreCache(
  context: Context,
  directory: string,
  image: string,
): Promise<CacheEntry | undefined> {
  const prefix = `image-factory-packages-${image}-`;
  const key = prefix + context.now().toISOString().slice(0, 10);
  return quietly(context, 'restore', async cache => {
    const found = await cache.restoreCache([directory], key, [prefix]);
    context.log.info(
      found === undefined ? 'no packages in the cache yet' : `packages restored from cache ${found}`,
    );
    return { directory, key, hit: found === key };
  });
}

export async function saveCache(context: Context, entry: CacheEntry): Promise<void> {
  if (entry.hit) return;
  await quietly(context, 'save', async cache => {
    await cache.saveCache([entry.directory], entry.key);
    return undefined;
  });
}

async function quietly<T>(
  context: Context,
  what: string,
  body: (cache: typeof import('@actions/cache')) => Promise<T>,
): Promise<T | undefined> {
  // Half of the bundle's weight is behind this import, and few builds ask for it.
  const cache = await import('@actions/cache');
  if (!cache.isFeatureAvailable()) return undefined;
  try {
    return await body(cache);
  } catch (error) {
    context.log.warn(
      `could not ${what} the package cache: ${error instanceof Error ? error.message : error}`,
    );
    return undefined;
  }
}
