import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { hostMirror } from '../../src/build/distributions/debian.ts';

/** What a mirror can do wrong with one file. */
export type Fault = 'none' | '503' | 'truncated' | 'slow' | 'hanging' | 'wrong';

/**
 * Decides on an answer.
 * @param attempt how often this path was asked for before
 */
export type Faults = (path: string, attempt: number) => Fault;

/** Bytes a second of a slow answer, as they were seen from a real mirror. */
const SLOW = 17_000;

/**
 * The real mirror of this host behind one that errs. It stands alone in a network namespace: what runs there sees
 * this mirror, and nothing else of any network.
 */
export class FaultMirror {
  /** Base address of the archive, for who is in the namespace. */
  static readonly ADDRESS = 'http://10.77.0.1/debian';
  /** Words before a command that make it run in the namespace. */
  readonly inside: readonly string[];
  /** Of every answer: path and fault. */
  readonly log: { path: string; fault: Fault }[] = [];
  faults: Faults = () => 'none';
  /** Answers a request instead of the mirror, when it says so. */
  instead: (path: string, asked: IncomingMessage, answer: ServerResponse) => boolean = () => false;
  readonly #server: Server;
  readonly #relay: ChildProcess;
  readonly #attempts = new Map<string, number>();

  private constructor(server: Server, relay: ChildProcess) {
    this.#server = server;
    this.#relay = relay;
    this.inside = ['nsenter', `--net=/proc/${relay.pid}/ns/net`, '--'];
  }

  /** @param folder of one's own, for the socket between the two sides */
  static async open(folder: string): Promise<FaultMirror> {
    const real = await hostMirror();
    if (real === undefined) throw new Error("the host's apt knows no Debian archive");
    const socket = join(folder, 'mirror.sock');
    const server = createServer((asked, answer) => void mirror.serve(real, asked, answer));
    await new Promise<void>(resolve => server.listen(socket, resolve));
    const relay = spawn('unshare', ['--net', 'sh', '-c', NETWORK, 'relay', process.execPath, RELAY, socket], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const mirror = new FaultMirror(server, relay);
    await Promise.race([
      once(relay.stdout, 'data'),
      once(relay, 'exit').then(() => Promise.reject(new Error('no relay'))),
    ]);
    return mirror;
  }

  async close(): Promise<void> {
    const closed = once(this.#relay, 'close');
    this.#relay.stdin?.end();
    await closed;
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async serve(
    real: { archive: string; security: string },
    asked: IncomingMessage,
    answer: ServerResponse,
  ): Promise<void> {
    const path = asked.url ?? '';
    if (this.instead(path, asked, answer)) return;
    const attempt = this.#attempts.get(path) ?? 0;
    this.#attempts.set(path, attempt + 1);
    const fault = this.faults(path, attempt);
    this.log.push({ path, fault });
    try {
      await this.#answer(
        fault,
        path.replace(/^\/debian-security/, real.security).replace(/^\/debian/, real.archive),
        asked,
        answer,
      );
    } catch {
      answer.destroy();
    }
  }

  async #answer(fault: Fault, url: string, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (fault === 'hanging') return;
    if (fault === '503') return void answer.writeHead(503).end('try later');
    const headers = Object.fromEntries(
      ['range', 'if-range', 'if-modified-since'].flatMap(name =>
        asked.headers[name] === undefined ? [] : [[name, String(asked.headers[name])]],
      ),
    );
    const got = await request(url, { headers });
    const body = Buffer.from(await got.body.arrayBuffer());
    const kept = ['content-type', 'last-modified', 'etag', 'content-range', 'location'];
    for (const name of kept) if (got.headers[name] !== undefined) answer.setHeader(name, got.headers[name]);
    answer.setHeader('content-length', body.length);
    answer.writeHead(got.statusCode);
    await SPOILED[fault](body, answer);
  }
}

const SPOILED: Record<
  Exclude<Fault, '503' | 'hanging'>,
  (body: Buffer, answer: ServerResponse) => Promise<void>
> = {
  none: async (body, answer) => void answer.end(body),
  truncated: async (body, answer) => {
    answer.write(body.subarray(0, body.length / 2), () => answer.destroy());
  },
  wrong: async (body, answer) => {
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    answer.end(body);
  },
  slow: async (body, answer) => {
    for (let at = 0; at < body.length && !answer.destroyed; at += SLOW / 4) {
      answer.write(body.subarray(at, at + SLOW / 4));
      await delay(250);
    }
    answer.end();
  },
};

/** The mirror's address is the only one there is; the relay leads from there to the server outside. */
const NETWORK = `set -eu
ip link set lo up
ip addr add 10.77.0.1/32 dev lo
exec "$1" -e "$2" "$3"`;

const RELAY = `const net = require('net');
net.createServer(one => {
  const other = net.connect(process.argv[1]);
  for (const each of [one, other]) each.on('error', () => { one.destroy(); other.destroy(); });
  one.on('close', () => other.destroy());
  other.on('close', () => one.destroy());
  one.pipe(other).pipe(one);
}).listen(80, '10.77.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();`;
