import { leaveSharedLayers, sharedLayersFolder, takeSharedLayers } from '../src/chain/shared-layers.ts';
import {
  type CacheEntry,
  layersEntry,
  packageDirectory,
  restoreLayers,
  restorePackages,
} from '../src/runner/cache.ts';
import type { Environment } from '../src/runner/types.ts';
import type { Session } from './process.ts';

/** Fetches what `cache` and `share-layers` ask for. @returns what is to be saved afterwards */
export async function restoreCaches({ world: { env }, context }: Session): Promise<CacheEntry[]> {
  const image = imageOf(env);
  if (env['INPUT_SHARE-LAYERS'] === 'true') {
    if (isRelease(env)) context.log.info('a protected branch or a tag: no shared layers are used');
    else if (await restoreLayers(context, sharedLayersFolder(context), image))
      await takeSharedLayers(context);
  }
  const directory = packageDirectory(env);
  if (env.INPUT_CACHE !== 'true' || directory === undefined) return [];
  const packages = await restorePackages(context, directory, image);
  return packages === undefined ? [] : [packages];
}

/** The layers that a build has used or made since then, without those that hold secrets. */
export async function layersToSave({ world: { env }, context }: Session, since: Date): Promise<CacheEntry[]> {
  if (env['INPUT_SHARE-LAYERS'] !== 'true') return [];
  const name = await leaveSharedLayers(context, since);
  return name === undefined ? [] : [layersEntry(sharedLayersFolder(context), imageOf(env), name)];
}

/** Nobody vouches for a shared layer, since a job for a pull request may have made it. */
function isRelease(env: Environment): boolean {
  return env.GITHUB_REF_PROTECTED === 'true' || env.GITHUB_REF_TYPE === 'tag';
}

function imageOf(env: Environment): string {
  return env.INPUT_IMAGE || 'image';
}
