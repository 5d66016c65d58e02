import { signLayers } from '../src/chain/sign-layers.ts';
import { signedLayersToSave } from './caches.ts';
import type { Performer } from './command.ts';
import { SIGN_LAYERS } from './inputs/layers.ts';
import { signLayersSummary } from './summaries.ts';

export const signLayersPerformer: Performer<typeof SIGN_LAYERS> = {
  command: SIGN_LAYERS,
  leftovers: ({ folder }) => [folder],
  async perform(context, { image, ...values }, job) {
    const result = await signLayers(context, { ...values, job });
    const { layers, fingerprint } = result;
    return {
      outputs: { count: String(layers.length), fingerprint: fingerprint ?? '' },
      summary: signLayersSummary(result),
      lines: [
        fingerprint === undefined ? 'no layers to sign' : `${layers.length} layers signed by ${fingerprint}`,
      ],
      caches: image === undefined ? [] : await signedLayersToSave(context, image, values.folder, result),
    };
  },
};
