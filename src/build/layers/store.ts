import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../bundle/digest.ts';
import { openRegular } from '../../bundle/files.ts';
import type { Context } from '../../host/context.ts';
import { lockDirectory } from '../../host/directory-lock.ts';
import { packageTrace } from './package-trace.ts';

/** What is known of a layer: read back from a file that may be damaged. */
export const layerRecord = z.strictObject({
  formatVersion: z.literal(3),
  key: z.string(),
  /** The step after which it was kept. */
  place: z.string(),
  /** SHA-256 and size of its archive. */
  sha256: z.string(),
  size: z.number(),
  /** When and by which script it first depended on what is in no key, e.g. the network; ISO 8601. */
  open: z.strictObject({ since: z.string(), by: z.string() }).optional(),
  /** What must be the same although it is in no key, by name: digests. */
  bound: z.record(z.string(), z.string()),
  /** SHA-256 of the InRelease files that its package lists are of. */
  lists: z.array(z.string()),
  /** What in it must not leave this host: paths in the tree. Absent: nobody has looked. */
  secrets: z.array(z.string()).optional(),
  /** Plain data that the steps gave to the build. */
  found: z.unknown().optional(),
  /** Of a bootstrap: what lets later versions of packages take their places in it. */
  trace: packageTrace.optional(),
});

/** What a line's last build was made of. */
const note = z.object({
  steps: z.array(z.object({ place: z.string(), key: z.string() })),
  /** See the record of a layer. */
  open: z.object({ since: z.string(), by: z.string() }).optional(),
  /** Key of the layer with the line's last bootstrap. */
  bootstrap: z.string().optional(),
});

export type LineNote = z.infer<typeof note>;

export type LayerRecord = z.infer<typeof layerRecord>;

/** A layer that is there. */
export interface Layer extends LayerRecord {
  /** Directory with the archive. */
  readonly directory: string;
}

/** Names in a layer's directory. */
export const ARCHIVE = 'tree.tar.zst';
export const RECORD = 'layer.json';
const LINES = 'lines';

/**
 * The layers of this user: a directory for each, named by its key, which comes with all that is in it by one rename.
 * Whoever reads one that a neighbour takes away finds it damaged, and goes on without.
 */
export class LayerStore {
  readonly #context: Context;
  readonly #folder: string;

  /** @param folder made when something is kept */
  constructor(context: Context, folder: string) {
    this.#context = context;
    this.#folder = folder;
  }

  /** The layer of a key, as its record tells; its archive is not read yet. */
  async find(key: string): Promise<Layer | undefined> {
    const directory = join(this.#folder, key);
    try {
      const found = layerRecord.parse(JSON.parse(await readFile(join(directory, RECORD), 'utf8')));
      const { size } = await stat(join(directory, ARCHIVE));
      return found.key === key && size === found.size ? { ...found, directory } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Notes that a layer was used just now. */
  async touch({ directory }: Layer): Promise<void> {
    const now = this.#context.now();
    await utimes(directory, now, now).catch(() => {});
  }

  /**
   * Keeps a finished archive. One of the same key that is whole already stands.
   * @param draft a directory beside the layers with the archive in it
   */
  async keep(draft: string, told: Omit<LayerRecord, 'formatVersion' | 'sha256' | 'size'>): Promise<void> {
    const { sha256, size } = await digestOf(join(draft, ARCHIVE));
    const whole: LayerRecord = { formatVersion: 3, ...told, sha256, size };
    await writeFile(join(draft, RECORD), JSON.stringify(whole));
    const target = join(this.#folder, told.key);
    if ((await this.find(told.key)) === undefined) await this.drop(target);
    await rename(draft, target).catch(async error => {
      if ((await this.find(told.key)) === undefined) throw error;
    });
  }

  /** Takes a layer away, at once and whole. */
  async drop(directory: string): Promise<void> {
    const gone = `${directory}.gone-${this.#context.random(4).toString('hex')}`;
    await rename(directory, gone).catch(() => {});
    await rm(gone, { recursive: true, force: true });
  }

  /** Whole layers that were made or used since then. */
  async usedSince(time: Date): Promise<Layer[]> {
    const used = (await this.#all()).filter(each => each.used >= time.getTime());
    const layers = await Promise.all(used.map(({ directory }) => this.find(basename(directory))));
    return layers.filter(layer => layer !== undefined);
  }

  /** Removes the layers that were used longest ago until no more than so many bytes are left. */
  async evict(limit: number): Promise<void> {
    const lock = await lockDirectory(this.#folder, true);
    try {
      const layers = await this.#all();
      layers.sort((a, b) => b.used - a.used);
      let total = 0;
      for (const { directory, size } of layers) {
        total += size;
        if (total > limit) await this.drop(directory);
      }
    } finally {
      if (typeof lock === 'object') await lock.release();
    }
  }

  /** Those that are not whole count as the oldest. */
  async #all(): Promise<{ directory: string; size: number; used: number }[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const layers = names
      .filter(name => LAYER.test(name))
      .map(async name => {
        const directory = join(this.#folder, name);
        const layer = name.includes('.') ? undefined : await this.find(name);
        const used = layer === undefined ? 0 : ((await stat(directory).catch(() => undefined))?.mtimeMs ?? 0);
        return { directory, size: layer?.size ?? Number.POSITIVE_INFINITY, used };
      });
    return Promise.all(layers);
  }

  /** What was noted for an image line; undefined where nothing readable is. @param line its name and architecture */
  async noted(line: string): Promise<LineNote | undefined> {
    try {
      return note.parse(JSON.parse(await readFile(this.#notePath(line), 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** @param draft a directory beside the layers, for as long as the note is not whole */
  async note(line: string, value: LineNote, draft: string): Promise<void> {
    await mkdir(join(this.#folder, LINES), { recursive: true });
    const path = join(draft, 'note.json');
    await writeFile(path, JSON.stringify(value));
    await rename(path, this.#notePath(line));
  }

  #notePath(line: string): string {
    return join(this.#folder, LINES, `${sha256Hex(line).slice(0, 32)}.json`);
  }
}

/** A layer, or one that was on its way out when its remover was killed. */
const LAYER = /^[0-9a-f]{64}(\.gone-[0-9a-f]+)?$/;

/** SHA-256 and size of a file. @throws TrustError when it is no regular file, or not there */
export async function digestOf(path: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  const handle = await openRegular(path);
  let size = 0;
  for await (const piece of handle.createReadStream({ highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  return { sha256: hash.digest('hex'), size };
}
