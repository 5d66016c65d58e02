import { runningDigest } from '../bundle/digest.ts';
import { LAYER_LIST, type LayerList, parseLayerList } from '../bundle/layer-list.ts';
import { TrustError } from '../host/errors.ts';
import { judgeSignature } from './judge.ts';
import type { Policy } from './policy.ts';

/**
 * Reads a list of layers whose signature is good.
 * @param list its bytes
 * @param signature armored text
 * @param now when the key must be valid
 * @throws TrustError when nobody of that role has signed these bytes, DefinitionError when they are no such list
 */
export async function trustLayerList(
  policy: Policy,
  { list, signature }: { list: Buffer; signature: string },
  now: Date,
): Promise<LayerList & { readonly signedBy: string }> {
  const judged = await judgeSignature(policy, 'layers', runningDigest(list), signature, now);
  if (judged.kind !== 'good') throw new TrustError(`${LAYER_LIST} ${judged.reason}`);
  return { ...parseLayerList(list.toString('utf8')), signedBy: judged.fingerprint };
}
