import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What the proxy does to one request instead of passing it on faithfully. */
export type Fault =
  /** Cuts the connection after so many bytes of the body, without an answer; the service gets those bytes. */
  | { readonly kind: 'reset'; readonly at: number }
  /** Answers at once; the service hears nothing. */
  | { readonly kind: 'refuse'; readonly status: number; readonly retryAfter?: number }
  /** The service does its work; its answer is replaced. */
  | { readonly kind: 'spoil'; readonly status: number }
  /** The service does its work; its answer is lost with the connection. */
  | { readonly kind: 'lose' }
  /** Passes the body on at so many bytes a second. */
  | { readonly kind: 'slow'; readonly rate: number }
  /** Takes so many bytes and then nothing more, with the connection open. */
  | { readonly kind: 'stall'; readonly at: number };

/** Chooses the fault for a request; undefined: none. */
export type Chooser = (request: IncomingMessage) => Fault | undefined;

export interface FaultProxy {
  readonly url: string;
  /** Replaces the chooser; the default one leaves everything alone. */
  choose(chooser: Chooser): void;
  /** How often each kind of fault was done. */
  readonly done: ReadonlyMap<Fault['kind'], number>;
  close(): Promise<void>;
}

/** A proxy in front of one real service that breaks what it is told to break. */
export async function faultProxy(target: string): Promise<FaultProxy> {
  const done = new Map<Fault['kind'], number>();
  let chooser: Chooser = () => undefined;
  const server = createServer((incoming, response) => {
    const fault = chooser(incoming);
    if (fault !== undefined) done.set(fault.kind, (done.get(fault.kind) ?? 0) + 1);
    // A request that has been destroyed has no socket any more.
    const { socket } = incoming;
    // The other side may be gone, by our doing or its own: there is nobody to tell.
    handle(target, incoming, response, fault).catch(() => socket.destroy());
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    choose(next) {
      chooser = next;
    },
    done,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function handle(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  const { socket } = incoming;
  if (fault?.kind === 'refuse') return refuse(response, fault.status, fault.retryAfter);
  const outgoing = forward(`${target}${incoming.url}`, {
    method: incoming.method ?? 'GET',
    headers: { ...incoming.headers, host: new URL(target).host, connection: 'close' },
    agent: false,
  });
  // As any proxy does: when the client is gone, the service hears of it.
  response.once('close', () => outgoing.destroy());
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  await pipeline(
    incoming,
    throughFault(fault, socket, () => outgoing.destroy()),
    outgoing,
  );
  const [answer] = await answered;
  if (fault?.kind === 'lose' || fault?.kind === 'spoil') await drained(answer);
  if (fault?.kind === 'lose') return void socket.destroy();
  if (fault?.kind === 'spoil') return refuse(response, fault.status);
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, response);
}

function refuse(response: ServerResponse, status: number, retryAfter?: number): void {
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  response.writeHead(status, { ...headers, connection: 'close', 'content-type': 'text/html' });
  response.end(`<html><body><h1>${status}</h1>the proxy says no</body></html>`);
}

async function drained(answer: IncomingMessage): Promise<void> {
  answer.resume();
  await once(answer, 'end');
}

/** The body on its way to the service. */
function throughFault(fault: Fault | undefined, client: Socket, drop: () => void): Transform {
  let passed = 0;
  return new Transform({
    async transform(chunk: Buffer, _encoding, pass) {
      if (fault?.kind === 'slow') await delay((chunk.length / fault.rate) * 1000);
      const limit = fault?.kind === 'reset' || fault?.kind === 'stall' ? fault.at : Number.POSITIVE_INFINITY;
      const part = chunk.subarray(0, Math.max(0, limit - passed));
      passed += chunk.length;
      if (passed < limit) return pass(null, chunk);
      this.push(part);
      // Never called back: the client's bytes are taken no more.
      if (fault?.kind === 'stall') return;
      // The service gets a moment for the bytes it was sent, as it would in life.
      await delay(20);
      drop();
      client.destroy();
    },
    flush(pass) {
      // A request with no body, or a short one, is cut before it reaches the service.
      if (fault?.kind !== 'reset' || passed >= fault.at) return pass();
      drop();
      client.destroy();
    },
  });
}
