import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { places } from '../../host/places.ts';
import type { Source } from '../distributions/debian.ts';
import { type Closure, PackageIndex, type Pins, resolveClosure } from './closure.ts';
import { sha256 } from './fetch.ts';
import { keep, packagesOf, readKept } from './lists.ts';
import { archiveState, type Suite, type SuiteState } from './state.ts';

/** Some suites of package archives as they stand now. */
export interface Archive {
  readonly suites: readonly SuiteState[];
  /**
   * What an installation of these packages would bring.
   * @throws NetworkError, CancelledError
   */
  closure(names: readonly string[]): Promise<Closure>;
}

/** Raise it when another closure comes of the same lists. */
const FORMAT = 1;

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
  const state = suites.map(({ suite, inReleaseSha256, date }) => ({ suite, inReleaseSha256, date }));
  const security = [...suites.keys()].filter(number => suites[number]?.suite.endsWith('-security'));
  const lists = (suite: Suite) => packagesOf(context, suite, architecture, folder);
  let index: Promise<PackageIndex> | undefined;
  const resolve = async (names: readonly string[]) => {
    index ??= Promise.all(suites.map(lists)).then(all => new PackageIndex(all, pins));
    return resolveClosure(await index, names, security);
  };
  const closures = new Map<string, Promise<Closure>>();
  return {
    suites: state,
    closure(names) {
      const wanted = [...new Set(names)].sort();
      const key = sha256(
        JSON.stringify([FORMAT, state, sources, architecture, Object.entries(pins), wanted]),
      );
      let closure = closures.get(key);
      if (closure === undefined) {
        closure = keptOr(context, join(folder, `${key}.closure.json`), () => resolve(wanted));
        closures.set(key, closure);
      }
      return closure;
    },
  };
}

/** Lists that did not change give the same closure: most runs need not read them. */
async function keptOr(context: Context, path: string, make: () => Promise<Closure>): Promise<Closure> {
  const known = await readKept<Closure>(context, path);
  if (known !== undefined) return known;
  const closure = await make();
  await keep(context, path, closure);
  return closure;
}
