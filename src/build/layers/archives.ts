import { link, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { CancelledError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { requireRoom } from '../../host/room.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import type { BuildLog } from '../build-log.ts';
import { archivedBytes, readArchive, writeArchive } from './snapshot.ts';
import { ARCHIVE, digestOf, type Layer, type LayerRecord, type LayerStore } from './store.ts';

export interface ArchiveWorld {
  readonly context: Context;
  readonly sandbox: Sandbox;
  readonly log: BuildLog;
}

/** What is told of an archive that is to be kept. */
export type Told = Omit<LayerRecord, 'formatVersion' | 'sha256' | 'size'>;

/** The archives that one build takes from the store and puts there. Neither failing ends the build. */
export class Archives {
  readonly #world: ArchiveWorld;
  readonly #store: LayerStore;
  readonly #draft: string;
  #kept = 0;

  /** @param draft the build's own directory beside the layers: the sandbox's `files` */
  constructor(world: ArchiveWorld, { store, draft }: { store: LayerStore; draft: string }) {
    this.#world = world;
    this.#store = store;
    this.#draft = draft;
  }

  /**
   * Unpacks a layer, while its bytes are compared with what its record says.
   * @param parts of the build's folder that give way to it; none: it comes beside what is there
   * @returns false for a damaged one, which is gone then
   */
  async take(layer: Layer, parts: readonly string[] = []): Promise<boolean> {
    const own = join(this.#draft, 'base');
    try {
      // A name of our own: nobody takes it away meanwhile.
      await link(join(layer.directory, ARCHIVE), own);
      const [found] = await Promise.all([digestOf(own), readArchive(this.#world.sandbox, 'base', parts)]);
      if (found.sha256 !== layer.sha256) throw new Error('its bytes are not those that were written');
      await this.#store.touch(layer);
      return true;
    } catch (error) {
      this.#unlessOver(error);
      this.#world.context.log.warn(
        `the layer after ${layer.place} is damaged, and goes: ${clean((error as Error).message)}`,
      );
      await this.#store.drop(layer.directory);
      return false;
    } finally {
      await rm(own, { force: true });
    }
  }

  /** Keeps parts of the build's folder as a layer, if there is room for it. */
  async put(parts: readonly string[], told: Told): Promise<void> {
    const { context, sandbox, log } = this.#world;
    const name = `layer-${this.#kept++}`;
    const folder = join(this.#draft, name);
    const file = join(this.#draft, `${name}.tar`);
    try {
      const bytes = await archivedBytes(sandbox, parts);
      await requireRoom(context, 'it', [{ directory: this.#draft, bytes, what: 'the layer' }], 'debug');
      await mkdir(folder);
      await (await open(file, 'wx', 0o600)).close();
      await log.timed(`layer after ${told.place}`, () => writeArchive(sandbox, `${name}.tar`, parts));
      await link(file, join(folder, ARCHIVE));
      await this.#store.keep(folder, told);
    } catch (error) {
      this.#unlessOver(error);
      // A full disk, most often: the build itself can go on.
      context.log.warn(`no layer is kept after ${told.place}: ${clean((error as Error).message)}`);
      await rm(folder, { recursive: true, force: true });
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Throws what ends the whole build. */
  #unlessOver(error: unknown): void {
    if (error instanceof CancelledError || this.#world.context.signal.aborted) throw error;
  }
}
