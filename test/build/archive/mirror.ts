import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A paragraph of a Packages file: `Package` and `Version` at least. */
export type Paragraph = Readonly<Record<string, string>>;

export interface TestSuite {
  readonly date: string;
  readonly packages: readonly Paragraph[];
}

/** A package archive on the loopback, whose suites a test may change while it runs. */
export class TestMirror {
  readonly suites: Record<string, TestSuite> = {};
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** What is served in place of a file. */
  readonly instead = new Map<string, Buffer>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const content = this.instead.get(path) ?? this.#file(path);
      response.statusCode = content === undefined ? 404 : 200;
      response.end(content);
    });
  }

  static async open(): Promise<TestMirror> {
    const mirror = new TestMirror();
    await new Promise<void>(resolve => mirror.#server.listen(0, '127.0.0.1', resolve));
    return mirror;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #file(path: string): Buffer | undefined {
    const [, name = '', file = ''] = /\/dists\/([^/]+)\/(.*)$/.exec(path) ?? [];
    const suite = this.suites[name];
    if (suite === undefined) return undefined;
    const list = gzipSync(packagesFile(suite.packages));
    if (file === 'main/binary-amd64/Packages.gz') return list;
    if (file !== 'InRelease') return undefined;
    const digest = createHash('sha256').update(list).digest('hex');
    return Buffer.from(
      `-----BEGIN PGP SIGNED MESSAGE-----\n\nDate: ${suite.date}\nSHA256:\n ${digest} ${list.length} main/binary-amd64/Packages.gz\n`,
    );
  }
}

export function packagesFile(packages: readonly Paragraph[]): string {
  const paragraph = (fields: Paragraph) =>
    Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join('');
  return packages.map(each => `${paragraph(each)}\n`).join('');
}
