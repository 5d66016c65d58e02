import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { hostMirror } from '../../src/build/distributions/debian.ts';
import { plainEnvironment, run } from '../../src/host/process.ts';

const SUITE = 'bookworm-security';
const LIST = 'main/binary-amd64/Packages';
const KEYRING = 'usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The security suite of the real mirror with changed packages in it, signed by a key of its own. The key is in the
 * archive's keyring package, which is one of the changed ones, and in the keyring of the tools tree that `trust` is given.
 */
export class UpdatedArchive {
  readonly #folder: string;
  readonly #real: string;
  readonly #packages = new Map<string, { paragraph: string; path: string; body: Buffer }>();
  readonly #files = new Map<string, Buffer>();

  private constructor(folder: string, real: string) {
    this.#folder = folder;
    this.#real = real;
  }

  /** @param folder of one's own */
  static async open(folder: string): Promise<UpdatedArchive> {
    const mirror = await hostMirror();
    if (mirror === undefined) throw new Error("the host's apt knows no Debian archive");
    const archive = new UpdatedArchive(folder, `${mirror.security}/dists/${SUITE}/${LIST}.xz`);
    await mkdir(join(folder, 'gnupg'), { mode: 0o700, recursive: true });
    const who = 'archive <archive@mirror.example>';
    await archive.#gpg('--passphrase', '', '--quick-generate-key', who, 'ed25519', 'sign');
    await archive.#gpg('--output', join(folder, 'key.gpg'), '--export', 'archive');
    return archive;
  }

  #gpg(...words: string[]) {
    return run(['gpg', '--homedir', join(this.#folder, 'gnupg'), '--batch', '--quiet', ...words], {
      env: plainEnvironment(),
    });
  }

  /** Makes apt of a tools tree take the archive's signature. */
  trust(tools: string): Promise<void> {
    return this.#appendKey(join(tools, KEYRING));
  }

  async #appendKey(keyring: string): Promise<void> {
    const all = Buffer.concat([await readFile(keyring), await readFile(join(this.#folder, 'key.gpg'))]);
    // Another file: the one that stands there may be a link of many names.
    await rm(keyring);
    await writeFile(keyring, all);
  }

  /** The archive's keyring with this archive's key. @param deb the package as the mirror has it */
  changeKeyring(deb: string): Promise<void> {
    return this.change(deb, '+key', root => this.#appendKey(join(root, KEYRING)));
  }

  /**
   * Offers a later version of a package, built just now.
   * @param deb an earlier one
   * @param suffix of its version
   * @param edit changes the unpacked package, whose control files are in DEBIAN
   */
  async change(deb: string, suffix: string, edit: (root: string) => Promise<unknown>): Promise<void> {
    const root = join(this.#folder, 'package');
    await rm(root, { recursive: true, force: true });
    await run(['dpkg-deb', '--raw-extract', deb, root]);
    await edit(root);
    const control = join(root, 'DEBIAN/control');
    const text = (await readFile(control, 'utf8')).replace(/^Version: .*$/m, `$&${suffix}`);
    await writeFile(control, text);
    const built = join(this.#folder, 'built.deb');
    const epoch = String(Math.floor(Date.now() / 1000) - 1);
    await run(['sh', '-c', DATE, 'date', root, epoch]);
    await run(['dpkg-deb', '--build', root, built], { env: plainEnvironment({ SOURCE_DATE_EPOCH: epoch }) });
    const body = await readFile(built);
    const name = /^Package: (.*)$/m.exec(text)?.[1] ?? '';
    const path = `pool/updated/${name}${suffix}.deb`;
    const told = `Filename: ${path}\nSize: ${body.length}\nSHA256: ${sha256(body)}\n`;
    this.#packages.set(name, { paragraph: `${text.trimEnd()}\n${told}\n`, path, body });
  }

  /** Offers what was changed so far. */
  async publish(): Promise<void> {
    const changed = [...this.#packages.values()];
    const list = Buffer.from((await this.#realList()) + changed.map(each => each.paragraph).join(''));
    const packed = gzipSync(list);
    const now = new Date();
    const head = { Origin: 'Debian', Label: 'Debian-Security', Suite: SUITE, Codename: SUITE };
    const rows = Object.entries({ ...head, Date: now.toUTCString(), Components: 'main non-free-firmware' });
    const sums = [
      [sha256(list), list.length, LIST],
      [sha256(packed), packed.length, `${LIST}.gz`],
    ];
    const release = join(this.#folder, 'Release');
    const text = `${rows.map(row => `${row.join(': ')}\n`).join('')}SHA256:\n${sums.map(row => ` ${row.join(' ')}\n`).join('')}`;
    await writeFile(release, text);
    await this.#gpg('--yes', '--output', `${release}.signed`, '--clearsign', release);
    this.#files.clear();
    this.#files.set(`dists/${SUITE}/InRelease`, await readFile(`${release}.signed`));
    this.#files.set(`dists/${SUITE}/${LIST}.gz`, packed);
    for (const { path, body } of changed) this.#files.set(path, body);
  }

  async #realList(): Promise<string> {
    const answer = await fetch(this.#real);
    const packed = join(this.#folder, 'Packages.xz');
    await writeFile(packed, Buffer.from(await answer.arrayBuffer()));
    return (await run(['xz', '--decompress', '--stdout', packed])).stdout;
  }

  /** For FaultMirror's `instead`: answers what is of this archive, and all else of its suite with 404. */
  readonly answer = (path: string, _asked: IncomingMessage, answer: ServerResponse): boolean => {
    // apt writes a plus sign as %2b.
    const [, own] = /^\/debian-security\/(.*)$/.exec(decodeURIComponent(path)) ?? [];
    const body = this.#files.get(own ?? '');
    if (body === undefined && own?.startsWith(`dists/${SUITE}/`) !== true) return false;
    if (body === undefined) answer.writeHead(404).end();
    else answer.writeHead(200, { 'content-length': body.length }).end(body);
    return true;
  };
}

/** As debhelper leaves a package: with the sums of its files, and all of it dated by the changelog. */
const DATE = `set -eu
cd "$1"
if [ -e DEBIAN/md5sums ]; then sed 's/^[0-9a-f]*  //' DEBIAN/md5sums | xargs -d '\\n' md5sum > sums; mv sums DEBIAN/md5sums; fi
find . -exec touch --no-dereference -d "@$2" {} +
`;

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
