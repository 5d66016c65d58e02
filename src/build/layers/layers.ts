import { clean } from '../../host/log.ts';
import type { Logins } from '../../image/logins.ts';
import type { Chroot } from '../chroot.ts';
import { secretsInTree } from '../seal.ts';
import { Archives, type ArchiveWorld } from './archives.ts';
import { type Making, reuseInitramfs } from './initramfs.ts';
import { commonSteps, type KeyedStep } from './keys.ts';
import { type PackageTrace, traceBootstrap } from './package-trace.ts';
import { updateInPlace } from './package-update.ts';
import { isWorthKeeping } from './policy.ts';
import { areHooksChanged, clearTree, isDiskKnown, networkUse, whatIsLeft, wholeTree } from './snapshot.ts';
import { BOOTSTRAP, byPlace } from './steps.ts';
import type { Layer, LayerRecord, LayerStore } from './store.ts';

/** Where a build keeps its layers, and how long one may stand that depends on more than its key. */
export interface LayerRoom {
  readonly store: LayerStore;
  /** This build's own directory beside the layers: the sandbox's `files`. */
  readonly draft: string;
  /** Milliseconds. */
  readonly age: number;
}

export interface LayersRequest extends LayerRoom {
  /** Name and architecture of the image line. */
  readonly line: string;
  /** The program and its tools: plain data. */
  readonly engine: unknown;
  /** Who may log in, by the factory file. */
  readonly logins?: Logins;
  readonly steps: readonly KeyedStep[];
  /** Digests of what a layer may turn out to depend on: the elements' parts as a whole, the disk's identity. */
  readonly bound: Readonly<Record<'hooks' | 'disk', string>>;
  /** See LayerRecord. */
  readonly lists: readonly string[];
  /** Of the bootstrap that the engine makes; absent: scripts make the tree. */
  readonly bootstrap?: Pick<PackageTrace, 'basis' | 'packages'>;
  /** Places of scripts whose element says that they are open, or closed whatever they do. */
  readonly declared: ReadonlyMap<string, 'open' | 'closed'>;
}

interface World extends ArchiveWorld {
  readonly chroot: Chroot;
}

/** The layers of one build: from which it starts, and which it leaves. */
export class Layers {
  readonly #world: World;
  readonly #request: LayersRequest;
  readonly #archives: Archives;
  #base: Layer | undefined;
  /** Of the last build of this line. */
  #same = 0;
  #open: LayerRecord['open'];
  #found: unknown;
  #sent = 0;
  #since: number;
  /** Key of the layer with the line's last bootstrap. */
  #bootstrap: string | undefined;

  private constructor(world: World, request: LayersRequest) {
    this.#world = world;
    this.#request = request;
    this.#archives = new Archives(world, request);
    this.#since = this.#now();
  }

  /** Puts the tree of the deepest layer that serves into the sandbox, if there is one. */
  static async start(world: World, request: LayersRequest): Promise<Layers> {
    const layers = new Layers(world, request);
    const noted = await request.store.noted(request.line);
    layers.#same = commonSteps(noted?.steps ?? [], request.steps);
    layers.#bootstrap = noted?.bootstrap;
    for (const { key } of request.steps.toReversed()) {
      const layer = await request.store.find(key);
      if (layer === undefined || !layers.#serves(layer)) continue;
      if (await world.log.timed(`from the layer after ${layer.place}`, () => layers.#restore(layer))) break;
    }
    await layers.#begin();
    return layers;
  }

  /** What comes from now on is the steps' own. */
  async #begin(): Promise<void> {
    this.#since = this.#now();
    this.#sent = await networkUse(this.#world.sandbox);
  }

  /** Whether the tree that the build started from has this step behind it. */
  isDone(place: string): boolean {
    return this.#base !== undefined && byPlace(place, this.#base.place) <= 0;
  }

  /** What the steps before the layer gave to the build; undefined without a layer. */
  get found(): unknown {
    return this.#found;
  }

  /** What later layers are to give to the builds that start from them. */
  note(found: unknown): void {
    this.#found = found;
  }

  /** Whether the archive has other package lists than the tree we started from. */
  get areListsOld(): boolean {
    return this.#base !== undefined && this.#base.lists.join() !== this.#request.lists.join();
  }

  #serves({ open, bound, place }: Layer): boolean {
    const { age, bound: own } = this.#request;
    const other = Object.entries(bound).find(([name, digest]) => own[name as keyof typeof own] !== digest);
    if (other !== undefined) return false;
    if (open === undefined || this.#now() - Date.parse(open.since) <= age) return true;
    this.#world.context.log.info(
      `not from the layer after ${place}: ${open.by} is open, and was run ${open.since}`,
    );
    return false;
  }

  async #restore(layer: Layer): Promise<boolean> {
    if (!(await this.#archives.take(layer, wholeTree('hooks' in layer.bound)))) {
      await clearTree(this.#world.sandbox);
      return false;
    }
    this.#base = layer;
    this.#open = layer.open;
    this.#found = layer.found;
    return true;
  }

  /**
   * Makes the tree by a bootstrap: the line's last one with later versions of packages in it where that is the same,
   * else a new one.
   * @param make makes a new one
   */
  async bootstrap(make: () => Promise<void>): Promise<void> {
    const began = Math.floor(this.#now() / 1000);
    const later = await this.#updated(began);
    // Of a daily build the tree is not needed again; who builds these packages a second time may do so again.
    if (later !== undefined && this.#same === 0) return this.#begin();
    if (later === undefined) await make();
    const trace = later ?? (await this.#traced(began));
    await this.passed(BOOTSTRAP, undefined, trace);
  }

  /** @returns what the tree is now; undefined when a new bootstrap is needed */
  async #updated(began: number): Promise<PackageTrace | undefined> {
    const { store, bootstrap, lists } = this.#request;
    const layer = this.#bootstrap === undefined ? undefined : await store.find(this.#bootstrap);
    const trace = layer?.trace;
    if (layer === undefined || trace === undefined || trace.basis !== bootstrap?.basis) return undefined;
    const { sandbox, log, context } = this.#world;
    if (!this.#serves(layer) || !(await log.timed('from the last bootstrap', () => this.#restore(layer))))
      return undefined;
    const update = () => updateInPlace(this.#world, trace, bootstrap.packages);
    const why = await log.timed('package update', update);
    if (why === undefined) {
      this.#base = { ...layer, lists: [...lists] };
      return { ...trace, began, packages: bootstrap.packages };
    }
    context.log.info(`a new bootstrap: ${clean(why)}`);
    this.#base = undefined;
    await clearTree(sandbox);
    return undefined;
  }

  async #traced(began: number): Promise<PackageTrace | undefined> {
    const { bootstrap } = this.#request;
    return bootstrap && traceBootstrap(this.#world.sandbox, { began, ...bootstrap });
  }

  /**
   * Notes that a step has been carried out, and keeps the tree when that is worth it.
   * @param who runs it, in words, for a script: it counts as open when it spoke to the network
   * @param trace of a bootstrap
   */
  async passed(place: string, who?: string, trace?: PackageTrace): Promise<void> {
    await this.#watch(place, who);
    const { steps } = this.#request;
    const done = steps.findIndex(step => step.place === place) + 1;
    const step = steps[done - 1];
    const seconds = (this.#now() - this.#since) / 1000;
    if (step === undefined || !isWorthKeeping({ steps, done, same: this.#same, seconds })) return;
    await this.#keep(step, trace);
    this.#since = this.#now();
  }

  async #watch(place: string, who: string | undefined): Promise<void> {
    const sent = await networkUse(this.#world.sandbox);
    const spoke = sent !== this.#sent;
    this.#sent = sent;
    if (who === undefined) return;
    const declared = this.#request.declared.get(place);
    if (declared === 'closed' || (declared === undefined && !spoke)) return;
    this.#open ??= { since: this.#world.context.now().toISOString(), by: who };
  }

  async #keep(step: KeyedStep, trace: PackageTrace | undefined): Promise<void> {
    const { sandbox, chroot, log } = this.#world;
    const { bound, lists, logins } = this.#request;
    const left = await whatIsLeft(chroot);
    if (left !== undefined) return log.line('layers', `none after ${step.place}: scripts have left ${left}`);
    const [hooks, disk] = [await areHooksChanged(sandbox), await isDiskKnown(sandbox)];
    await this.#archives.put(wholeTree(hooks), {
      ...step,
      lists: [...lists],
      bound: { ...(hooks ? { hooks: bound.hooks } : {}), ...(disk ? { disk: bound.disk } : {}) },
      ...(this.#open === undefined ? {} : { open: this.#open }),
      secrets: await secretsInTree(sandbox, logins),
      found: this.#found,
      ...(trace && { trace }),
    });
    if (trace !== undefined) this.#bootstrap = step.key;
  }

  /** Takes the initramfs of an earlier build where it would be the same, else makes it. */
  initramfs(making: Making): Promise<void> {
    const { store, engine } = this.#request;
    return reuseInitramfs({ ...this.#world, archives: this.#archives, store, engine }, making);
  }

  /** Leaves for the next build of this line what this one was made of. */
  async finish(): Promise<void> {
    const { store, line, steps, draft } = this.#request;
    const open = this.#open === undefined ? {} : { open: this.#open };
    const bootstrap = this.#bootstrap === undefined ? {} : { bootstrap: this.#bootstrap };
    await store.note(line, { steps: [...steps], ...open, ...bootstrap }, draft).catch(error => {
      // A full disk, most often. Without the note the next build only keeps other layers.
      this.#world.context.log.warn(`the layers' note is not written: ${clean((error as Error).message)}`);
    });
  }

  #now(): number {
    return this.#world.context.now().getTime();
  }
}
