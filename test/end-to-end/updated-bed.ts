import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { run } from '../../src/host/process.ts';
import { toolsPath } from '../../src/host/sandbox/tools-tree.ts';
import { FaultMirror } from './fault-mirror.ts';
import { PROGRAM, startCommand } from './program.ts';
import { UpdatedArchive } from './updated-archive.ts';

const FACTORY = 'images:\n  debian:\n    releases: [12]\n    elements: [greeting]\n';

/** What a build has left. */
export interface Built {
  /** SHA-256 of the qcow2. */
  readonly digest: string;
  readonly log: string;
  /** Versions by name. */
  readonly packages: Readonly<Record<string, string>>;
}

/** A host with layers of its own, behind a mirror whose security suite changes from day to day. */
export class UpdatedBed {
  readonly archive: UpdatedArchive;
  readonly #folder: string;
  readonly #mirror: FaultMirror;
  readonly #downloads: string;
  #days = 0;
  #changes = 0;

  private constructor(folder: string, mirror: FaultMirror, archive: UpdatedArchive, downloads: string) {
    this.#folder = folder;
    this.#mirror = mirror;
    this.archive = archive;
    this.#downloads = downloads;
  }

  static async open(): Promise<UpdatedBed> {
    const folder = await mkdtemp('/var/tmp/image-factory-updated-');
    try {
      return await UpdatedBed.#openIn(folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  static async #openIn(folder: string): Promise<UpdatedBed> {
    const { cache } = places(createContext({ env: process.env }));
    const own = join(folder, 'cache/image-factory');
    const tools = relative(cache, toolsPath(cache, 'engine'));
    for (const name of [tools, 'downloads/debian', 'package-lists']) {
      await mkdir(join(own, name, '..'), { recursive: true });
      await run(['cp', '--archive', '--link', join(cache, name), join(own, name)]);
    }
    await writeFile(join(folder, 'factory.yaml'), FACTORY);
    const archive = await UpdatedArchive.open(join(folder, 'archive'));
    await archive.trust(join(own, tools));
    const mirror = await FaultMirror.open(folder);
    mirror.instead = archive.answer;
    const bed = new UpdatedBed(folder, mirror, archive, join(own, 'downloads/debian/archives'));
    await archive.changeKeyring(await bed.deb('debian-archive-keyring'));
    await archive.publish();
    await bed.writeElement('echo welcome > /etc/motd');
    return bed;
  }

  /** Where its layers are. */
  get layers(): string {
    return join(this.#folder, 'cache/image-factory/layers');
  }

  /** Where bundles may stay as long as it is open. */
  get output(): string {
    return join(this.#folder, 'out');
  }

  async close(): Promise<void> {
    await this.#mirror.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The newest of a package among the downloads. */
  async deb(name: string): Promise<string> {
    const found = await run(['sh', '-c', 'ls -t -- "$1"/"$2"_*.deb', 'deb', this.#downloads, name]);
    return found.stdout.split('\n')[0] ?? '';
  }

  /** A later version of a package, in which text is added to a file. */
  async touch(name: string, path: string, text = '\n'): Promise<void> {
    const suffix = `+day${++this.#changes}`;
    await this.archive.change(await this.deb(name), suffix, root => appendFile(join(root, path), text));
  }

  /** Writes the element that the line has. */
  async writeElement(script: string): Promise<void> {
    const path = join(this.#folder, 'elements/greeting/install.d/50-greeting');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `#!/bin/sh\nset -eu\n${script}\n`, { mode: 0o755 });
  }

  /** A command that builds, and its environment. @param output for bundles */
  command(output: string, ...words: string[]) {
    const factory = ['--factory', join(this.#folder, 'factory.yaml'), '--output', output];
    const argv = [PROGRAM, 'build', ...factory, '--mirror', FaultMirror.ADDRESS, ...words];
    const env = { ...process.env, XDG_CACHE_HOME: join(this.#folder, 'cache') };
    return { argv: [...this.#mirror.inside, ...argv], env };
  }

  async build(...words: string[]): Promise<Built> {
    const version = `20260101.${++this.#days}`;
    const { output } = this;
    const { argv, env } = this.command(output, '--version', version, ...words);
    const ended = await startCommand(argv, env).ended;
    if (ended.status !== 0) throw new Error(ended.output);
    const core = join(output, `debian-12/${version}-amd64/core`);
    const { files, packages } = JSON.parse(await readFile(join(core, 'manifest.json'), 'utf8'));
    const digest = files.find((each: { form: string }) => each.form === 'qcow2').sha256;
    const log = await readFile(join(core, 'logs/build.log'), 'utf8');
    await rm(join(core, '..'), { recursive: true });
    return { digest, packages, log: `${ended.output}\n${log}` };
  }
}
