import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { measureLayers } from '../build/layers/parcel.ts';
import { writeNew } from '../bundle/files.ts';
import { LAYER_LIST } from '../bundle/layer-list.ts';
import { SIGNATURE } from '../bundle/names.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { signLayerList } from '../sign/layer-list.ts';
import { readDefinition } from './definition.ts';
import { keyFor } from './trust.ts';
import type { SignLayersRequest, SignLayersResult } from './types.ts';

/**
 * Signs a list of the layers in a folder, which says that a job with this key has had them; what they hold is as
 * trustworthy as the build they come from. They are opaque bytes here.
 * @returns without layers: nothing is signed, and no key is asked for
 * @throws TrustError when a layer is damaged, or the key must not sign layers
 */
export async function signLayers(context: Context, request: SignLayersRequest): Promise<SignLayersResult> {
  const { factory } = await readDefinition(context, request.factory);
  const { folder, job } = request;
  const list = join(folder, LAYER_LIST);
  for (const path of [list, `${list}${SIGNATURE}`]) await rm(path, { force: true });
  const layers = await measureLayers(folder).catch(cause => {
    throw new TrustError(`a layer in ${folder} is damaged: ${clean((cause as Error).message)}`, { cause });
  });
  if (layers.length === 0) return { layers };
  const key = await keyFor(context, factory, request, 'layers');
  const signed = await signLayerList(key, { signedAt: context.now().toISOString(), job, layers });
  await writeNew(list, signed.list);
  await writeNew(`${list}${SIGNATURE}`, signed.signature);
  return { layers, fingerprint: key.fingerprint };
}
