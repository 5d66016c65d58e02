import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LocalServer, serveLocally } from '../../host/local-server.ts';
import type { Documents } from './documents.ts';

/** Where every OpenStack instance looks for what its cloud has to tell. */
export const WELL_KNOWN = { address: '169.254.169.254', port: 80 } as const;

/** Of Nova's versions, one that all cloud-inits of today know. */
const VERSIONS = ['2018-08-27', 'latest'];

/** OpenStack's metadata service, on a port of this host's loopback alone. */
export interface MetadataServer extends LocalServer {
  /** Paths that were asked for, in their order, each once. */
  asked(): readonly string[];
}

/** @param documents as `openStackDocuments` makes them */
export async function serveMetadata(documents: Documents): Promise<MetadataServer> {
  const asked = new Set<string>();
  const server = await serveLocally((request, response) => {
    const path = new URL(request.url ?? '/', 'http://metadata').pathname;
    asked.add(path);
    answer(request, response, contentAt(documents, path));
  });
  return { ...server, asked: () => [...asked] };
}

function contentAt(documents: Documents, path: string): string | Buffer | undefined {
  const [, service, version, ...rest] = path.split('/');
  if (service !== 'openstack') return undefined;
  if (version === undefined || version === '') return VERSIONS.join('\n');
  if (!VERSIONS.includes(version)) return undefined;
  const name = rest.join('/');
  const files = Object.keys(documents).map(file => file.split('/').slice(2).join('/'));
  return name === '' ? files.join('\n') : documents[`openstack/latest/${name}`];
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  content: string | Buffer | undefined,
): void {
  if (request.method !== 'GET') response.writeHead(405).end();
  else if (content === undefined) response.writeHead(404).end('not here\n');
  else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(content);
}
