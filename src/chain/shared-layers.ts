import { join } from 'node:path';
import { packLayers, unpackLayers } from '../build/layers/parcel.ts';
import { readBytes, readText } from '../bundle/files.ts';
import { LAYER_LIST } from '../bundle/layer-list.ts';
import { SIGNATURE } from '../bundle/names.ts';
import type { Factory } from '../definition/types.ts';
import { type Context, checkCancelled } from '../host/context.ts';
import { clean } from '../host/log.ts';
import { places } from '../host/places.ts';
import { trustLayerList } from '../trust/layer-list.ts';
import { namedPolicy } from '../trust/policy.ts';
import { readDefinition } from './definition.ts';

/** Where layers lie on their way between this host and others by way of a CI system's cache; the same on all of them. */
export function sharedLayersFolder(context: Context): string {
  return join(places(context).cache, 'shared-layers');
}

/** Takes over what another host has left in a folder of layers, whoever that was: for builds that only try something. */
export async function takeSharedLayers(context: Context, folder: string): Promise<void> {
  const { cache } = places(context);
  const count = await unpackLayers(context, { cache, folder });
  context.log.info(`${count} shared layers taken over`);
}

/** A factory that lets somebody sign layers; of another one that is told. @param file as the user named it */
export async function factoryWithLayers(
  context: Context,
  file: string | undefined,
): Promise<Factory | undefined> {
  const { factory } = await readDefinition(context, file);
  if (factory.signing.fingerprints.layers.length > 0) return factory;
  context.log.info(`no shared layers are used: ${factory.file} lets nobody sign them (signing.layers)`);
  return undefined;
}

/**
 * Takes over those layers of a folder that a key of the role `layers` has signed, byte for byte. Nothing that is in the
 * folder fails a build: without a good signature it starts from no layer of others.
 */
export async function takeSignedLayers(
  context: Context,
  factory: Pick<Factory, 'file' | 'signing'>,
  folder: string,
): Promise<void> {
  try {
    const file = join(folder, LAYER_LIST);
    const signed = { list: await readBytes(file), signature: await readText(`${file}${SIGNATURE}`) };
    const { layers, signedBy } = await trustLayerList(await namedPolicy(factory), signed, context.now());
    const { cache } = places(context);
    const count = await unpackLayers(context, { cache, folder }, layers);
    context.log.info(`${count} shared layers taken over, signed by ${signedBy}`);
  } catch (error) {
    checkCancelled(context);
    const why = clean(error instanceof Error ? error.message : String(error));
    context.log.warn(`no shared layer is taken over, and the build starts without: ${why}`);
  }
}

/**
 * Leaves layers for other hosts in a folder, which is emptied first.
 * @param since those that were made or used since then
 * @returns what names them; undefined for none
 */
export function leaveSharedLayers(
  context: Context,
  folder: string,
  since: Date,
): Promise<string | undefined> {
  return packLayers(context, { cache: places(context).cache, folder, since });
}
