import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, json } from 'node:stream/consumers';

interface Asked {
  readonly key: string;
  readonly version: string;
  readonly restore_keys?: readonly string[];
}

interface Entry extends Asked {
  content: Buffer;
  /** Whether its upload was finished. */
  whole: boolean;
}

/**
 * The cache of GitHub Actions as far as @actions/cache asks for it: the second version of the service, and the storage
 * behind it. A stand-in, since the real one answers to jobs alone.
 */
export class CacheService {
  /** Newest last. */
  readonly entries: Entry[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      this.#answer(request, response).catch(error => response.writeHead(500).end(String(error)));
    });
  }

  static async open(): Promise<CacheService> {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return new CacheService(server);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** What a runner tells an action. @param temporary folder for archives on their way */
  environment(temporary: string): Readonly<Record<string, string>> {
    return {
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RESULTS_URL: `${this.#base}/`,
      ACTIONS_RUNTIME_TOKEN: 'token-of-the-job',
      GITHUB_WORKSPACE: temporary,
      RUNNER_TEMP: temporary,
    };
  }

  get #base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, service = '', method = '', number = ''] =
      /^\/(twirp|account)\/([^/]+\/)?([^/?]+)/.exec(request.url ?? '') ?? [];
    if (service === 'account') return this.#storage(request, response, Number(number));
    const name = number === '' ? method : number;
    const told = this.#call(name, (await json(request)) as Asked);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told));
  }

  #call(method: string, asked: Asked): object {
    const url = (entry: Entry) => `${this.#base}/account/caches/${this.entries.indexOf(entry)}?sig=x`;
    const same = (entry: Entry) => entry.version === asked.version && entry.key === asked.key;
    if (method === 'CreateCacheEntry') {
      if (this.entries.some(same)) return { ok: false };
      const entry = { ...asked, content: Buffer.alloc(0), whole: false };
      this.entries.push(entry);
      return { ok: true, signed_upload_url: url(entry) };
    }
    if (method === 'FinalizeCacheEntryUpload') {
      const entry = this.entries.find(same);
      if (entry !== undefined) entry.whole = true;
      return { ok: entry !== undefined, entry_id: '1' };
    }
    const entry = this.#newest(asked);
    return entry === undefined
      ? { ok: false }
      : { ok: true, signed_download_url: url(entry), matched_key: entry.key };
  }

  #newest({ key, version, restore_keys: prefixes = [] }: Asked): Entry | undefined {
    const whole = this.entries.filter(entry => entry.whole && entry.version === version).reverse();
    return (
      whole.find(entry => entry.key === key) ??
      whole.find(entry => prefixes.some(prefix => entry.key.startsWith(prefix)))
    );
  }

  async #storage(request: IncomingMessage, response: ServerResponse, number: number): Promise<void> {
    const entry = this.entries[number];
    if (entry === undefined) return void response.writeHead(404).end();
    if (request.method === 'PUT') {
      entry.content = await buffer(request);
      return void response.writeHead(201, { etag: '"1"', 'x-ms-request-id': '1' }).end();
    }
    response.writeHead(200, { 'content-length': entry.content.length }).end(entry.content);
  }
}
