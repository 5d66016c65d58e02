import { dirname } from 'node:path';
import { sign } from '../src/chain/sign.ts';
import type { Performer } from './command.ts';
import { SIGN } from './inputs/chain.ts';
import { signSummary } from './summaries.ts';

export const signPerformer: Performer<typeof SIGN> = {
  command: SIGN,
  leftovers: ({ bundle }) => [bundle, dirname(bundle)],
  async perform(context, values, job) {
    const result = await sign(context, { ...values, job });
    return {
      outputs: {
        fingerprint: result.fingerprint,
        'core-digest': result.coreDigest,
        'local-test-key': String(result.localTestKey),
      },
      summary: signSummary(result),
      lines: [
        `signed by ${result.fingerprint}${result.localTestKey ? ' (local test key)' : ''}`,
        ...result.signatures,
      ],
    };
  },
};
