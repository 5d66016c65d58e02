import { runningDigest } from '../bundle/digest.ts';
import { type LayerList, writeLayerList } from '../bundle/layer-list.ts';
import { armorSignature } from '../trust/signature.ts';
import type { SigningKey } from '../trust/signing-key.ts';

/** A list of layers and a detached signature over it, as their files have them. */
export async function signLayerList(
  key: SigningKey,
  told: Pick<LayerList, 'signedAt' | 'job' | 'layers'>,
): Promise<{ list: string; signature: string }> {
  const list = writeLayerList(told);
  return { list, signature: await armorSignature(await key.signDigest(runningDigest(Buffer.from(list)))) };
}
