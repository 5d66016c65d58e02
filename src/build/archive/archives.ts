import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { places } from '../../host/places.ts';
import type { Source } from '../distributions/debian.ts';
import { type Closure, PackageIndex, type Pins, resolveClosure } from './closure.ts';
import { packagesOf } from './lists.ts';
import { archiveState, type Suite, type SuiteState } from './state.ts';

/** Some suites of package archives as they stand now. */
export interface Archive {
  readonly suites: readonly SuiteState[];
  /** What an installation of these packages would bring. */
  closure(names: readonly string[]): Closure;
  /** Whether a package's version comes from a security suite. */
  isSecurity(name: string): boolean;
}

/**
 * The archives that the lines of one run need: asked for once, whatever the number of lines. What was learned of
 * them is as old as this object.
 */
export class Archives {
  readonly #context: Context;
  readonly #pins: Pins;
  readonly #open = new Map<string, Promise<Archive>>();

  /** @param pins versions that are wanted rather than the newest, where an archive still has them */
  constructor(context: Context, pins: Pins = {}) {
    this.#context = context;
    this.#pins = pins;
  }

  /** @throws NetworkError, CancelledError */
  at(sources: readonly Source[], architecture: string): Promise<Archive> {
    const key = JSON.stringify([architecture, sources]);
    let archive = this.#open.get(key);
    if (archive === undefined) {
      archive = openArchive(this.#context, sources, architecture, this.#pins);
      this.#open.set(key, archive);
    }
    return archive;
  }
}

async function openArchive(
  context: Context,
  sources: readonly Source[],
  architecture: string,
  pins: Pins,
): Promise<Archive> {
  const folder = join(places(context).cache, 'package-lists');
  const suites = await archiveState(context, sources);
  const lists = (suite: Suite) => packagesOf(context, suite, architecture, folder);
  const index = new PackageIndex(await Promise.all(suites.map(lists)), pins);
  const closures = new Map<string, Closure>();
  return {
    suites: suites.map(({ suite, inReleaseSha256, date }) => ({ suite, inReleaseSha256, date })),
    closure(names) {
      const key = [...new Set(names)].sort().join(' ');
      const closure = closures.get(key) ?? resolveClosure(index, key === '' ? [] : key.split(' '));
      closures.set(key, closure);
      return closure;
    },
    isSecurity: name => suites[index.suiteOf(name) ?? -1]?.suite.endsWith('-security') ?? false,
  };
}
