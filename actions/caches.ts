import { cp, rm } from 'node:fs/promises';
import { emptyParcel } from '../src/build/layers/parcel.ts';
import { sha256Hex } from '../src/bundle/digest.ts';
import {
  factoryWithLayers,
  leaveSharedLayers,
  sharedLayersFolder,
  takeSharedLayers,
  takeSignedLayers,
} from '../src/chain/shared-layers.ts';
import type { SignLayersResult } from '../src/chain/types.ts';
import type { Context } from '../src/host/context.ts';
import {
  type CacheEntry,
  layersEntry,
  packageDirectory,
  restoreLayers,
  restorePackages,
} from '../src/runner/cache.ts';

/** What a build was told of caches, by the names of its inputs. */
export interface Wish {
  readonly image?: string;
  readonly factory?: string;
  readonly cache: boolean;
  readonly cold: boolean;
  readonly shareLayers: boolean;
  readonly signedLayers?: string;
}

/** Fetches what a build may start from. @returns what is to be saved afterwards */
export async function restoreCaches(context: Context, wish: Wish): Promise<CacheEntry[]> {
  const { signedLayers, cold } = wish;
  if (wish.shareLayers && !cold) await restoreShared(context, wish);
  if (signedLayers !== undefined) {
    if (!cold) await takeSigned(context, wish, signedLayers, async () => true);
    // What nobody has looked at must not lie there for sign-layers, however the build ends.
    await emptyParcel(signedLayers);
  }
  const directory = packageDirectory(context.env);
  if (!wish.cache || directory === undefined) return [];
  const packages = await restorePackages(context, directory, nameOf(wish));
  return packages === undefined ? [] : [packages];
}

async function restoreShared(context: Context, wish: Wish): Promise<void> {
  const folder = sharedLayersFolder(context);
  const restored = (kind: 'layers' | 'signed-layers') => restoreLayers(context, folder, nameOf(wish), kind);
  if (isRelease(context)) await takeSigned(context, wish, folder, () => restored('signed-layers'));
  else if ((await restored('layers')) || (await restored('signed-layers')))
    await takeSharedLayers(context, folder);
}

/** @param isThere is asked when a signature would count */
async function takeSigned(
  context: Context,
  { factory: file }: Wish,
  folder: string,
  isThere: () => Promise<boolean>,
): Promise<void> {
  const factory = await factoryWithLayers(context, file);
  if (factory !== undefined && (await isThere())) await takeSignedLayers(context, factory, folder);
}

/** Leaves the layers that a build has used or made since then, without those that hold secrets. */
export async function leaveLayers(
  context: Context,
  wish: Wish,
  since: Date,
): Promise<{ folder?: string; caches: CacheEntry[] }> {
  const { signedLayers, shareLayers, cold } = wish;
  if (cold || (signedLayers === undefined && !shareLayers)) return { caches: [] };
  const folder = signedLayers ?? (await emptyFolder(sharedLayersFolder(context)));
  const name = await leaveSharedLayers(context, folder, since);
  if (name === undefined) return { caches: [] };
  return { folder, caches: shareLayers ? [layersEntry(folder, nameOf(wish), 'layers', name)] : [] };
}

/** Puts signed layers where builds restore them. */
export async function signedLayersToSave(
  context: Context,
  image: string,
  folder: string,
  { layers, fingerprint }: SignLayersResult,
): Promise<CacheEntry[]> {
  if (fingerprint === undefined) return [];
  const shared = await emptyFolder(sharedLayersFolder(context));
  await cp(folder, shared, { recursive: true });
  const name = sha256Hex([fingerprint, ...layers.map(({ key }) => key)].join('\n'));
  return [layersEntry(shared, image, 'signed-layers', name)];
}

/** One of ours: nobody else's files are in it. */
async function emptyFolder(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  return folder;
}

/** Of a release only a signature counts, since a job for a pull request may have made a shared layer. */
function isRelease({ env }: Pick<Context, 'env'>): boolean {
  return env.GITHUB_REF_PROTECTED === 'true' || env.GITHUB_REF_TYPE === 'tag';
}

function nameOf({ image }: Wish): string {
  return image ?? 'image';
}
