import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Nothing of a cloud listens anywhere else. */
export const ADDRESS = '127.0.0.1';

/**
 * The directory that holds everything one cloud writes. Ports and passwords are chosen when they are first
 * asked for and kept in `cloud.json`, so that clouds in different directories do not collide and a second start finds
 * the same cloud.
 */
export class Place {
  readonly directory: string;
  #ports: Record<string, number> = {};
  #secrets: Record<string, string> = {};

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @param directory absolute and short: the database's socket in it must not exceed 107 characters */
  static async open(directory: string): Promise<Place> {
    const place = new Place(directory);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const folder of ['etc', 'log', 'run', 'stamps'])
      await mkdir(place.path(folder), { recursive: true });
    const text = await readFile(place.path('cloud.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) {
      const { ports, secrets } = JSON.parse(text);
      place.#ports = ports;
      place.#secrets = secrets;
    }
    return place;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  log(name: string): string {
    return this.path('log', `${name}.log`);
  }

  /** Chooses ports for these services; call it, and `secrets`, before anything runs side by side. */
  async choosePorts(names: readonly string[]): Promise<void> {
    for (const name of names) this.#ports[name] ??= await freePort(Object.values(this.#ports));
    await this.#keep();
  }

  async chooseSecrets(names: readonly string[]): Promise<void> {
    for (const name of names) this.#secrets[name] ??= randomBytes(18).toString('hex');
    await this.#keep();
  }

  port(name: string): number {
    return found(this.#ports[name], `port of ${name}`);
  }

  url(name: string): string {
    return `http://${ADDRESS}:${this.port(name)}`;
  }

  secret(name: string): string {
    return found(this.#secrets[name], `password of ${name}`);
  }

  async write(name: string, text: string): Promise<string> {
    const file = this.path(name);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
    return file;
  }

  /** Does the work the first time only. */
  async once(name: string, work: () => Promise<unknown>): Promise<void> {
    const stamp = this.path('stamps', name);
    if (
      await access(stamp).then(
        () => true,
        () => false,
      )
    )
      return;
    await work();
    await writeFile(stamp, '');
  }

  async #keep(): Promise<void> {
    await this.write('cloud.json', JSON.stringify({ ports: this.#ports, secrets: this.#secrets }, null, 2));
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the cloud has no ${what}`);
  return value;
}

/** Outside the range from which the kernel gives ports to clients, where another test could be given it meanwhile. */
async function freePort(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = 15_000 + (randomBytes(2).readUInt16BE() % 15_000);
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(answer => {
    const server = createServer();
    server.once('error', () => answer(false));
    server.listen(port, ADDRESS, () => server.close(() => answer(true)));
  });
}

/** A configuration file as oslo.config reads it. */
export function ini(sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>): string {
  return Object.entries(sections)
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
      return [`[${name}]`, ...lines, ''].join('\n');
    })
    .join('\n');
}
