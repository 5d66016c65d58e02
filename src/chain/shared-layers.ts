import { join } from 'node:path';
import { packLayers, unpackLayers } from '../build/layers/parcel.ts';
import type { Context } from '../host/context.ts';
import { places } from '../host/places.ts';

/** Where layers lie on their way between this host and others; its path is the same on all of them. */
export function sharedLayersFolder(context: Context): string {
  return join(places(context).cache, 'shared-layers');
}

/** Takes over what another host has left in the folder of shared layers. */
export async function takeSharedLayers(context: Context): Promise<void> {
  const { cache } = places(context);
  const count = await unpackLayers(context, { cache, folder: sharedLayersFolder(context) });
  context.log.info(`${count} shared layers taken over`);
}

/**
 * Leaves layers for other hosts in the folder of shared layers.
 * @param since those that were made or used since then
 * @returns what names them; undefined for none
 */
export function leaveSharedLayers(context: Context, since: Date): Promise<string | undefined> {
  return packLayers(context, { cache: places(context).cache, folder: sharedLayersFolder(context), since });
}
