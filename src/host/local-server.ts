import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HostError } from './errors.ts';

/** A web server on a port of this host's loopback alone. */
export interface LocalServer {
  readonly port: number;
  /** Hangs up on whoever is connected. */
  close(): Promise<void>;
}

/** @throws HostError when this host has no free port */
export async function serveLocally(answer: RequestListener): Promise<LocalServer> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening').catch(cause => {
    throw new HostError("no port of this host's loopback is free for a server of ours", { cause });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
