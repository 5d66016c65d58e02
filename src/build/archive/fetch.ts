import { createHash } from 'node:crypto';
import { type Dispatcher, getGlobalDispatcher, interceptors, request } from 'undici';
import type { Context } from '../../host/context.ts';
import { CancelledError, NetworkError } from '../../host/errors.ts';

const PATIENCE = 30_000;

export interface FetchOptions {
  readonly dispatcher?: Dispatcher;
  /** The header of that name, for an archive that asks for a login. */
  readonly authorization?: string;
}

/**
 * A file of a package archive, tried three times, redirections followed as apt does.
 * @throws NetworkError when it does not answer as a mirror does, CancelledError
 */
export async function fetchFile(context: Context, url: string, options: FetchOptions = {}): Promise<Buffer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(context, url, options);
    } catch (error) {
      if (context.signal.aborted) throw new CancelledError();
      if (attempt === 3 || error instanceof NetworkError) throw asNetworkError(error, url);
      context.log.warn(`${url}: ${(error as Error).message}; once more`);
      await context.sleep(attempt * 2000);
    }
  }
}

async function fetchOnce(context: Context, url: string, options: FetchOptions): Promise<Buffer> {
  const { dispatcher = getGlobalDispatcher(), authorization } = options;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE)]);
  const follow = interceptors.redirect({ maxRedirections: 5 });
  const answer = await request(url, {
    signal,
    dispatcher: dispatcher.compose(follow),
    // Not sent along to another host that it redirects to.
    ...(authorization === undefined ? {} : { headers: { authorization } }),
  });
  const body = Buffer.from(await answer.body.arrayBuffer());
  if (answer.statusCode >= 500) throw new Error(`HTTP status ${answer.statusCode}`);
  if (authorization !== undefined && [401, 403].includes(answer.statusCode)) {
    throw new NetworkError(`${url} refuses the login (HTTP status ${answer.statusCode})`);
  }
  if (answer.statusCode !== 200) {
    throw new NetworkError(`${url} answers with HTTP status ${answer.statusCode}`, {
      advice: 'check the mirror',
    });
  }
  return body;
}

function asNetworkError(error: unknown, url: string): NetworkError {
  if (error instanceof NetworkError) return error;
  return new NetworkError(`the package mirror does not answer (${url})`, {
    advice: 'check the mirror (factory file, --mirror, or apt on the host)',
    cause: error,
  });
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
