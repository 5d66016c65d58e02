import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Context, createContext } from '../../src/host/context.ts';
import type { CloudConfig } from '../../src/openstack/config/types.ts';
import { Session } from '../../src/openstack/session.ts';

export type Handler = (request: IncomingMessage & { text: string }, response: ServerResponse) => void;

export interface OddServer {
  readonly url: string;
  /** `METHOD /path?query` of everything asked for, tokens left out. */
  readonly asked: string[];
  session(context?: Partial<Context>, config?: Partial<CloudConfig>): Promise<Session>;
  close(): Promise<void>;
}

/**
 * A server that answers as no healthy cloud would: for what the real one, in `cloud.ts`, cannot be made to do.
 * Keystone's part is there; tokens are t1, t2 and so on.
 * @param life seconds of a token
 */
export async function oddServer(handle: Handler, life = 3600): Promise<OddServer> {
  const asked: string[] = [];
  let tokens = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v3/auth/tokens') {
        response.writeHead(201, { 'x-subject-token': `t${++tokens}` });
        response.end(tokenBody(life));
        return;
      }
      asked.push(`${request.method} ${request.url}`);
      handle(Object.assign(request, { text: Buffer.concat(chunks).toString() }), response);
    });
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sessions: Session[] = [];
  return {
    url,
    asked,
    async session(context = {}, config = {}) {
      const pauses: Partial<Context> = { sleep: () => new Promise(resolve => setImmediate(resolve)) };
      const session = await Session.open(createContext({ ...pauses, ...context }), {
        ...CONFIG,
        authUrl: `${url}/v3`,
        endpoints: { image: url, compute: url, network: url },
        ...config,
      });
      sessions.push(session);
      return session;
    },
    async close() {
      for (const session of sessions) await session.dispatcher.destroy();
      server.closeAllConnections();
      await new Promise(closed => server.close(closed));
    },
  };
}

const CONFIG: CloudConfig = {
  label: 'cloud odd',
  authUrl: '',
  credential: { kind: 'password', user: { id: 'u' }, password: 'p' },
  scope: { kind: 'none' },
  region: undefined,
  interface: 'public',
  interfaces: {},
  endpoints: {},
  ca: undefined,
  certificate: undefined,
};

function tokenBody(life: number): string {
  const issued = Date.parse('2001-01-01T00:00:00Z'); // the cloud's clock is its own affair
  const at = (seconds: number) => new Date(issued + seconds * 1000).toISOString();
  const project = { id: 'p1', name: 'own', domain: { id: 'default', name: 'Default' } };
  return JSON.stringify({ token: { issued_at: at(0), expires_at: at(life), catalog: [], project } });
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-openstack-request-id': 'req-1' });
  response.end(JSON.stringify(body));
}
