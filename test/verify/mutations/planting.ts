import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../../src/bundle/types.ts';
import { run } from '../../../src/host/process.ts';

const SECTOR = 512;

/** A copy of a bundle's disk in which defects are planted, without a mount and without building it anew. */
export class Plot {
  readonly #requests: string[] = [];
  readonly #last: string[] = [];
  readonly folder: string;
  readonly raw: string;
  readonly manifest: Manifest;
  readonly #folders: Set<string>;
  #files = 0;

  /**
   * @param folder for what debugfs is to write; its own
   * @param folders that the root filesystem has: debugfs leaves an orphan when it is to make one of them
   */
  constructor(folder: string, raw: string, manifest: Manifest, folders: Iterable<string>) {
    this.folder = folder;
    this.raw = raw;
    this.manifest = manifest;
    this.#folders = new Set(folders);
  }

  /** Puts a file into the root filesystem, with its folders, in place of what is there. */
  async file(path: string, content: string, mode = 0o644, uid = 0): Promise<void> {
    const source = join(this.folder, `file-${++this.#files}`);
    await writeFile(source, content);
    this.#makeFoldersOf(path);
    this.#requests.push(`rm ${path}`, `write ${source} ${path}`);
    this.set(path, 'mode', `0${(0o100000 | mode).toString(8)}`);
    this.set(path, 'uid', String(uid));
    this.set(path, 'gid', '0');
  }

  /** Adds text to a file of the root filesystem, or changes it. */
  async edit(path: string, change: (before: string) => string, mode = 0o644): Promise<void> {
    await this.file(path, change(await this.read(path)), mode);
  }

  remove(path: string): void {
    this.#requests.push(`rm ${path}`);
  }

  folderWith(path: string, mode: number): void {
    this.#makeFolder(path);
    this.set(path, 'mode', `0${(0o040000 | mode).toString(8)}`);
  }

  set(path: string, field: string, value: string): void {
    this.#requests.push(`set_inode_field ${path} ${field} ${value}`);
  }

  symlink(path: string, target: string): void {
    this.#makeFoldersOf(path);
    this.#requests.push(`rm ${path}`, `symlink ${path} ${target}`);
  }

  /** A request in debugfs's own words; the last ones come when all else is planted. */
  request(text: string, { last = false } = {}): void {
    (last ? this.#last : this.#requests).push(text);
  }

  /** What the root filesystem holds, as it was before anything was planted. */
  async read(path: string): Promise<string> {
    return (await run(['debugfs', '-R', `cat ${path}`, await this.#root()])).stdout;
  }

  /** Bytes from the start of the disk, of a volume by its name. */
  async offsetOf(name: string): Promise<number> {
    const volume = this.manifest.volumes.find(each => each.name === name);
    const { stdout } = await run(['sfdisk', '--json', this.raw]);
    const table = JSON.parse(stdout) as { partitiontable: { partitions: { node: string; start: number }[] } };
    const found = table.partitiontable.partitions.find(
      each => each.node === `${this.raw}${volume?.partition}`,
    );
    if (found === undefined) throw new Error(`there is no volume ${name}`);
    return found.start * SECTOR;
  }

  async overwrite(offset: number, bytes: Buffer): Promise<void> {
    const file = await open(this.raw, 'r+');
    await file.write(bytes, 0, bytes.length, offset);
    await file.close();
  }

  /** Carries out what was asked of the root filesystem; what it holds is whole afterwards. */
  async carryOut(): Promise<void> {
    for (const requests of [this.#requests, this.#last]) {
      if (requests.length === 0) continue;
      const script = join(this.folder, 'requests');
      await writeFile(script, `${requests.join('\n')}\n`);
      await run(['debugfs', '-w', '-f', script, await this.#root()]);
    }
  }

  #makeFoldersOf(path: string): void {
    const names = path.split('/').slice(1, -1);
    for (const depth of names.keys()) this.#makeFolder(`/${names.slice(0, depth + 1).join('/')}`);
  }

  #makeFolder(path: string): void {
    if (!this.#folders.has(path)) this.#requests.push(`mkdir ${path}`);
    this.#folders.add(path);
  }

  async #root(): Promise<string> {
    return `${this.raw}?offset=${await this.offsetOf('root')}`;
  }
}
