import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

const LOOPBACK = '127.0.0.1';

/** The names of the host's ends of a cloud's links begin with it. */
export const LINK_PREFIX = 'ifcloud';

/**
 * The directory that holds everything one cloud writes. Ports and passwords are chosen when they are first
 * asked for and kept in `cloud.json`, so that clouds in different directories do not collide and a second start finds
 * the same cloud.
 */
export class Place {
  readonly directory: string;
  #ports: Record<string, number> = {};
  #secrets: Record<string, string> = {};
  #network: number | undefined;
  /** Put in front of a service's argv: leads into the cloud's own namespaces, when it has some. */
  enter: readonly string[] = [];

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
      const { ports, secrets, network } = JSON.parse(text);
      place.#ports = ports;
      place.#secrets = secrets;
      place.#network = network;
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

  /**
   * Gives the cloud networks of its own, which no other one on this host has.
   * @param taken whether 198.18.N.0/24 or the one after it is in use
   */
  async chooseNetwork(taken: (network: number) => Promise<boolean>): Promise<void> {
    while (this.#network === undefined) {
      const network = randomBytes(1).readUInt8() & 0xfe;
      if (!(await taken(network))) this.#network = network;
    }
    await this.#keep();
  }

  /** Of the even /24 that the services and the floating IPs share; the odd one after it is the provider network. */
  get network(): number {
    return found(this.#network, 'network');
  }

  /** Where the services listen, and nowhere else. */
  get address(): string {
    return this.#network === undefined ? LOOPBACK : `198.18.${this.#network}.2`;
  }

  port(name: string): number {
    return found(this.#ports[name], `port of ${name}`);
  }

  url(name: string): string {
    return `http://${this.address}:${this.port(name)}`;
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
    const kept = { ports: this.#ports, secrets: this.#secrets, network: this.#network };
    await this.write('cloud.json', JSON.stringify(kept, null, 2));
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
    server.listen(port, LOOPBACK, () => server.close(() => answer(true)));
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
