import type { ImageFile } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { measure } from './files.ts';
import type { StoredImage } from './types.ts';

/**
 * Asked right before an image becomes public.
 * @param path where the stored bytes can be read
 * @returns properties that lead back to the run that accepted it
 * @throws TrustError when it must not be published
 */
export type Gate = (stored: StoredImage, path: string) => Promise<Readonly<Record<string, string>>>;

/** The accepted verdict that opens the gate. */
export interface Acceptance {
  /** Id of the run of the suite. */
  readonly run: string;
  /** Link to the CI job. */
  readonly job: string;
  /** SHA-256 of the signed statement. */
  readonly statement: string;
  readonly finishedAt: string;
  /** Digests of the file that was booted there. */
  readonly bootedFile: { readonly sha256: string; readonly sha512: string };
}

/**
 * The gate of a promotion: reads the stored bytes again, compares them with the file of the bundle (never
 * with what the store says of itself), and asks for the verdict.
 * @param file the signed manifest's word
 * @param accepted throws TrustError when no verdict that counts accepts this disk in this store
 */
export function publishGate(
  context: Context,
  store: string,
  file: ImageFile,
  accepted: () => Promise<Acceptance>,
): Gate {
  return async (stored, path) => {
    const actual = await measure(context, path, `reading ${stored.id} in ${store} again`, file.size);
    if (actual.sha256 !== file.sha256 || actual.sha512 !== file.sha512) {
      throw new TrustError(`the bytes of ${stored.id} in ${store} are not the bytes that were signed`, {
        advice: `somebody changed them; remove the image from ${store}, find out who, then promote again`,
      });
    }
    const acceptance = await accepted();
    const { bootedFile } = acceptance;
    if (bootedFile.sha256 !== file.sha256 || bootedFile.sha512 !== file.sha512) {
      throw new TrustError(`what was verified in ${store} is another file than ${stored.id}`, {
        advice: 'a store publishes only the bytes that were booted there; promote again to verify these',
      });
    }
    return acceptanceProperties(acceptance);
  };
}

function acceptanceProperties(acceptance: Acceptance): Record<string, string> {
  return {
    image_factory_accepted_run: acceptance.run,
    image_factory_accepted_job: acceptance.job,
    image_factory_accepted_at: acceptance.finishedAt,
    image_factory_verdict_sha256: acceptance.statement,
  };
}
