import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { plainEnvironment, run } from '../../src/host/process.ts';

/** A flat package archive in a folder, signed by keys of gpg's own. */
export class SignedArchive {
  /** Fingerprints by the name of the key, whose public part is in `NAME.asc`. */
  readonly keys: Record<string, string> = {};
  readonly #folder: string;
  #packages = 'Package: driver\nVersion: 7.1\nArchitecture: all\nFilename: ./driver.deb\nSize: 1\n\n';

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<SignedArchive> {
    await mkdir(join(folder, 'gnupg'), { mode: 0o700, recursive: true });
    await mkdir(join(folder, 'archive'));
    return new SignedArchive(folder);
  }

  gpg(...words: string[]) {
    return run(['gpg', '--homedir', join(this.#folder, 'gnupg'), '--batch', '--quiet', ...words], {
      env: plainEnvironment(),
    });
  }

  async makeKey(name: string): Promise<void> {
    const person = `${name} <${name}@repository.example>`;
    await this.gpg('--passphrase', '', '--quick-generate-key', person, 'ed25519', 'sign');
    const { stdout } = await this.gpg('--list-keys', '--with-colons', name);
    this.keys[name] = /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
    await writeFile(join(this.#folder, `${name}.asc`), (await this.gpg('--armor', '--export', name)).stdout);
  }

  /** A real package of no files, in place of the first one, which is a name only. */
  async holdPackage(name: string): Promise<void> {
    const source = join(this.#folder, name);
    const control = `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.example>\nDescription: test\n`;
    await mkdir(join(source, 'DEBIAN'), { recursive: true });
    await writeFile(join(source, 'DEBIAN/control'), control);
    const file = join(this.#folder, 'archive', `${name}.deb`);
    await run(['dpkg-deb', '--root-owner-group', '--build', source, file]);
    const body = await readFile(file);
    this.#packages = `${control}Filename: ./${name}.deb\nSize: ${body.length}\nSHA256: ${sha256(body)}\n\n`;
  }

  /** @param head rows of the Release file, such as its origin */
  async publish(head: string): Promise<void> {
    const packages = this.#packages;
    const release = `${head}Date: ${new Date().toUTCString()}\nSHA256:\n ${sha256(packages)} ${packages.length} Packages\n`;
    await writeFile(join(this.#folder, 'archive/Packages'), packages);
    await writeFile(join(this.#folder, 'Release'), release);
    const out = ['--yes', '--output', join(this.#folder, 'archive/InRelease')];
    await this.gpg('--local-user', 'vendor', ...out, '--clearsign', join(this.#folder, 'Release'));
  }

  /**
   * Answers a request for a file of it.
   * @param path from the root of the archive
   * @param login `LOGIN:PASSWORD` that it asks for
   */
  async answer(
    path: string,
    request: IncomingMessage,
    answer: ServerResponse,
    login?: string,
  ): Promise<void> {
    const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="archive"' }).end();
      return;
    }
    const body = await readFile(join(this.#folder, 'archive', path)).catch(() => undefined);
    if (body === undefined) answer.writeHead(404).end();
    else answer.end(body);
  }

  async close(): Promise<void> {
    await run(['gpgconf', '--homedir', join(this.#folder, 'gnupg'), '--kill', 'gpg-agent']);
  }
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
