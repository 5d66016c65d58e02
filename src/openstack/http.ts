import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { DefinitionError } from '../host/errors.ts';
import type { CloudConfig } from './config/types.ts';
import { ConnectionError } from './errors.ts';

/** Opens a body from its start; called once for every time it is sent. */
export type BodySource = () => AsyncIterable<Uint8Array>;

/** Milliseconds. */
export interface Patience {
  /** From the last byte sent to the head of the answer; 0: no limit. */
  readonly head: number;
  /** Between two pieces of the answer. */
  readonly body: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | BodySource | undefined;
  readonly patience?: Patience | undefined;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a repeated one the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** Opens the way to a cloud's APIs. */
export interface HttpOptions {
  /** Address of a proxy; without one requests go straight, whatever the environment says. */
  readonly proxy?: string | undefined;
}

const CONNECT = 15_000;
const PATIENCE: Patience = { head: 120_000, body: 60_000 };
/** Answers are lists of images or servers; nothing honest is larger. */
const MOST_TEXT = 16 * 1024 * 1024;

/**
 * Connections that trust the cloud's certificate authority.
 * @throws DefinitionError when a certificate cannot be read
 */
export async function openDispatcher(
  config: Pick<CloudConfig, 'label' | 'ca' | 'certificate'>,
  { proxy }: HttpOptions = {},
): Promise<Dispatcher> {
  const tls = {
    ...(config.ca === undefined ? {} : { ca: await pem(config.ca, `cacert of ${config.label}`) }),
    ...(config.certificate === undefined
      ? {}
      : {
          cert: await pem(config.certificate.cert, `cert of ${config.label}`),
          key: await pem(config.certificate.key, `key of ${config.label}`),
        }),
  };
  const connect = { ...tls, timeout: CONNECT };
  return proxy === undefined ? new Agent({ connect }) : new ProxyAgent({ uri: proxy, requestTls: connect });
}

async function pem(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new DefinitionError(`${what} names ${path}, which cannot be read`, { cause });
  }
}

/**
 * Sends one request once.
 * @param what for messages
 * @throws ConnectionError when no answer came
 */
export async function send(
  dispatcher: Dispatcher,
  { method, url, headers, body, patience = PATIENCE, signal }: HttpRequest,
  names: { what: string; service: string },
): Promise<HttpAnswer> {
  try {
    const answer = await request(url, {
      method,
      headers,
      body: typeof body === 'function' ? iterableBody(body()) : (body ?? null),
      dispatcher,
      signal,
      headersTimeout: patience.head,
      bodyTimeout: patience.body,
    });
    return { status: answer.statusCode, headers: firstOf(answer.headers), body: answer.body };
  } catch (cause) {
    throw asConnectionError(cause, names);
  }
}

/** undici takes any iterable, one piece at a time as the connection drains; its types do not say so. */
function iterableBody(body: AsyncIterable<Uint8Array>): Readable {
  return body as unknown as Readable;
}

/** The whole answer as text. @throws ConnectionError when it breaks off or does not end */
export async function readText(
  answer: HttpAnswer,
  names: { what: string; service: string },
): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      length += chunk.length;
      if (length > MOST_TEXT) throw new Error('the answer is larger than 16 MiB');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw asConnectionError(cause, names);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An error of ours, such as a file that cannot be read while it is sent, stays what it is. */
export function asConnectionError(
  cause: unknown,
  { what, service }: { what: string; service: string },
): unknown {
  const own = cause instanceof Error && 'line' in cause;
  return own ? cause : new ConnectionError(what, service, cause);
}

function firstOf(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value[0] : value,
    ]),
  );
}
