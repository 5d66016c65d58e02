import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { places } from '../host/places.ts';
import { Archives } from './archive/archives.ts';
import type { Pins } from './archive/closure.ts';
import { hostMirror, type Mirror } from './distributions/debian.ts';
import { ElementShelf } from './elements.ts';

/** What the lines of one run have in common: asked for once, whatever the number of lines, and as old as this object. */
export class Shared {
  readonly #context: Context;
  readonly archives: Archives;
  readonly shelf = new ElementShelf();
  #hostMirror: Promise<Mirror | undefined> | undefined;

  /** @param pins versions that are wanted rather than the newest, where an archive still has them */
  constructor(context: Context, pins: Pins = {}) {
    this.#context = context;
    this.archives = new Archives(context, pins);
  }

  /** The mirror of the host's own apt. */
  hostMirror(): Promise<Mirror | undefined> {
    this.#hostMirror ??= hostMirror(join(places(this.#context).cache, 'host-apt'));
    return this.#hostMirror;
  }
}
