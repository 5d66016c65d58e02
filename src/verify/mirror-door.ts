import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Dispatcher, request } from 'undici';
import { type LocalServer, serveLocally } from '../host/local-server.ts';
import { clean } from '../host/log.ts';

/** Where packages come from: the archive and its security twin, without a final slash. */
export interface PackageMirror {
  readonly archive: string;
  readonly security: string;
}

/** The part of the mirror below its first step: `/archive/dists/...`, `/security/pool/...`. */
export type MirrorPart = keyof PackageMirror;

/** A mirror's files on this host's loopback, and nothing else of that network. */
export interface MirrorDoor extends LocalServer {
  /** What a mirror did that does not work; undefined: it answered whatever was asked. */
  trouble(): string | undefined;
}

const PATIENCE = 30_000;
const MOST_HOPS = 5;
const [FOUND, REDIRECTED, BROKEN] = [200, 300, 500];
const BAD_GATEWAY = 502;
/** By which apt goes on where it was, and asks only for what is newer. */
const ASKED = ['range', 'if-range', 'if-modified-since'] as const;
const TOLD = ['content-length', 'content-range', 'content-type', 'last-modified', 'accept-ranges'] as const;

/**
 * Serves what stands below the mirror's two addresses. No login of the address goes along, and a redirection is
 * followed on the mirror's own host only.
 */
export async function openMirrorDoor(mirror: PackageMirror, signal: AbortSignal): Promise<MirrorDoor> {
  let trouble: string | undefined;
  const server = await serveLocally((asked, response) => {
    handOn(mirror, asked, response, signal).catch((error: unknown) => {
      // A guest that hangs up says nothing of the mirror.
      if (!response.closed) trouble ??= clean(error instanceof Error ? error.message : String(error));
      if (response.headersSent) response.destroy();
      else response.writeHead(BAD_GATEWAY).end();
    });
  });
  return { ...server, trouble: () => trouble };
}

async function handOn(
  mirror: PackageMirror,
  asked: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { method } = asked;
  const url = addressIn(mirror, asked.url ?? '');
  if (url === undefined || (method !== 'GET' && method !== 'HEAD')) {
    response.writeHead(404).end();
    return;
  }
  const headers = Object.fromEntries(
    ASKED.flatMap(name => (asked.headers[name] === undefined ? [] : [[name, String(asked.headers[name])]])),
  );
  const answer = await fetched(url, { method, headers, signal });
  const told = TOLD.flatMap(name =>
    answer.headers[name] === undefined ? [] : [[name, answer.headers[name]]],
  );
  response.writeHead(answer.statusCode, Object.fromEntries(told));
  await pipeline(answer.body, response);
}

/** @returns undefined for what is not below one of the mirror's addresses */
export function addressIn(mirror: PackageMirror, path: string): URL | undefined {
  const [, part = '', rest = ''] = /^\/([a-z]+)(\/.*)$/.exec(path) ?? [];
  if (part !== 'archive' && part !== 'security') return undefined;
  const base = new URL(mirror[part]);
  [base.username, base.password] = ['', ''];
  const below = base.href.replace(/\/?$/, '/');
  const url = new URL(below + rest.slice(1));
  return url.href.startsWith(below) ? url : undefined;
}

type Asked = Pick<Dispatcher.RequestOptions, 'method'> & {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
};

/** @throws Error when the mirror does not answer as one does */
async function fetched(url: URL, asked: Asked): Promise<Dispatcher.ResponseData> {
  let at = url;
  for (let hops = 0; hops < MOST_HOPS; hops++) {
    const answer = await request(at, { ...asked, headersTimeout: PATIENCE, bodyTimeout: PATIENCE });
    const { statusCode } = answer;
    const target = answer.headers.location;
    if (statusCode >= FOUND && statusCode < REDIRECTED) return answer;
    if (statusCode < BROKEN && target === undefined) return answer;
    await answer.body.dump();
    if (target === undefined) throw new Error(`${at.host} answers with HTTP status ${statusCode}`);
    const next = new URL(String(target), at);
    if (next.hostname !== url.hostname) throw new Error(`${at.host} leads to ${next.host}`);
    at = next;
  }
  throw new Error(`${url.host} leads from one address to the next`);
}
