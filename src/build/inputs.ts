import { createHash } from 'node:crypto';
import { type Dispatcher, getGlobalDispatcher, interceptors, request } from 'undici';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { CancelledError, NetworkError } from '../host/errors.ts';
import type { Source } from './distributions/debian.ts';
import type { Element } from './elements.ts';

/** Raise it when a change of the engine changes the bytes it makes. */
export const ENGINE = 'image-factory/0.1.0+1';

/** One suite of the archive as it stands now. */
export interface SuiteState {
  readonly suite: string;
  /** SHA-256 of its InRelease file, which names all package lists by their digests. */
  readonly inReleaseSha256: string;
  /** Its `Date:` field, seconds since 1970. */
  readonly date: number;
}

const PATIENCE = 30_000;

/**
 * Asks the mirror for the InRelease file of each suite.
 * @throws NetworkError when it does not answer as a mirror does, CancelledError
 */
export async function archiveState(
  context: Context,
  sources: readonly Source[],
  dispatcher?: Dispatcher,
): Promise<SuiteState[]> {
  return Promise.all(
    sources.map(async source => {
      const text = await fetchInRelease(context, `${source.uri}/dists/${source.suite}/InRelease`, dispatcher);
      const date = Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? '') / 1000;
      if (Number.isNaN(date)) {
        throw new NetworkError(`${source.uri} has no package archive for ${source.suite}`, {
          advice: 'check the mirror',
        });
      }
      return { suite: source.suite, inReleaseSha256: sha256(text), date };
    }),
  );
}

async function fetchInRelease(context: Context, url: string, dispatcher?: Dispatcher): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchText(context, url, dispatcher);
    } catch (error) {
      if (context.signal.aborted) throw new CancelledError();
      if (attempt === 3 || error instanceof NetworkError) throw asNetworkError(error, url);
      context.log.warn(`${url}: ${(error as Error).message}; once more`);
      await context.sleep(attempt * 2000);
    }
  }
}

async function fetchText(context: Context, url: string, dispatcher?: Dispatcher): Promise<string> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE)]);
  // As apt does, which will follow the mirror to wherever it sends us.
  const follow = interceptors.redirect({ maxRedirections: 5 });
  const answer = await request(url, {
    signal,
    dispatcher: (dispatcher ?? getGlobalDispatcher()).compose(follow),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 500) throw new Error(`HTTP status ${answer.statusCode}`);
  if (answer.statusCode !== 200) {
    throw new NetworkError(`${url} answers with HTTP status ${answer.statusCode}`, {
      advice: 'check the mirror',
    });
  }
  return text;
}

function asNetworkError(error: unknown, url: string): NetworkError {
  if (error instanceof NetworkError) return error;
  return new NetworkError(`the package mirror does not answer (${url})`, {
    advice: 'check the mirror (factory file, --mirror, or apt on the host)',
    cause: error,
  });
}

/**
 * SHA-256 over all that goes into an image. What only says how it is verified, or who owns it, is left out.
 */
export function inputDigest(inputs: {
  line: ImageLine;
  elements: readonly Element[];
  suites: readonly SuiteState[];
  tools: string;
}): string {
  const { verify: _verify, owner: _owner, title: _title, mirror, ...line } = inputs.line;
  return sha256(
    canonical({
      engine: ENGINE,
      tools: inputs.tools,
      line: { ...line, mirror: mirror.image ?? '' },
      elements: inputs.elements.map(({ name, digest }) => ({ name, digest })),
      suites: inputs.suites.map(({ suite, inReleaseSha256 }) => ({ suite, inReleaseSha256 })),
    }),
  );
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
