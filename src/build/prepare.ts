import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import { TOOLS_KEY } from '../host/sandbox/tools-tree.ts';
import { Archives } from './archive/archives.ts';
import type { SuiteState } from './archive/state.ts';
import {
  hostMirror,
  type Mirror,
  mirrorAt,
  type Source,
  sourcesFor,
  suiteOf,
} from './distributions/debian.ts';
import { type Element, resolveElements } from './elements.ts';
import { ENGINE, type Inputs, inputDigest, inputsOf } from './inputs.ts';
import { type PackageRequest, packageInstalls } from './package-installs.ts';

/** All that is known of a build before it starts, without root. */
export interface Preparation {
  readonly line: ImageLine;
  readonly suite: string;
  readonly sources: readonly Source[];
  /** The sources of another suite from the same mirror. */
  sourcesOf(suite: string): readonly Source[];
  readonly suites: readonly SuiteState[];
  readonly elements: readonly Element[];
  readonly packages: readonly PackageRequest[];
  readonly inputs: Inputs;
  readonly inputDigest: string;
  /** Bytes of all packages' files, installed. */
  readonly installed: number;
  /** Bytes of the packages themselves. */
  readonly download: number;
  /** Whether the version of a package that would be installed comes from a security suite. */
  isSecurity(name: string): boolean;
}

export interface PrepareOptions {
  readonly line: ImageLine;
  readonly elementPaths: readonly string[];
  /** From the command line; wins over the factory file. */
  readonly mirror?: string;
  /** Shared by the lines that are prepared together; default: the line's own. */
  readonly archives?: Archives;
}

/** The element that every image of a distribution starts from. */
const FOUNDATION = 'debian-cloud';

/**
 * Resolves elements and packages, and asks the mirror for its present state.
 * @throws DefinitionError, NetworkError
 */
export async function prepare(context: Context, options: PrepareOptions): Promise<Preparation> {
  const { line } = options;
  const suite = suiteOf(line.release);
  const elements = await resolveElements([FOUNDATION, ...line.elements], options.elementPaths);
  const conditions = { architecture: line.architecture, environment: line.environment };
  const packages = (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
  const mirror = await buildMirror(options);
  const sources = sourcesFor(suite, mirror);
  const archive = await (options.archives ?? new Archives(context)).at(sources, line.architecture);
  const { packages: closure, unknown, installed, download } = archive.closure(namesOf(packages, line));
  if (unknown.length > 0) {
    context.log.warn(`${line.name}: no suite of its archive has ${unknown.join(', ')}`);
  }
  const inputs = inputsOf({ engine: ENGINE, toolsTree: TOOLS_KEY, line, elements, packages: closure });
  return {
    line,
    suite,
    sources,
    sourcesOf: other => sourcesFor(other, mirror),
    suites: archive.suites,
    elements,
    packages,
    inputs,
    inputDigest: inputDigest(inputs),
    installed,
    download,
    isSecurity: name => archive.isSecurity(name),
  };
}

/** What is asked of the archive, beside what is there anyway: mmdebstrap's minbase is required packages and apt. */
function namesOf(packages: readonly PackageRequest[], line: ImageLine): string[] {
  const wanted = packages.filter(each => !each.uninstall).map(each => each.name);
  return ['apt', ...wanted, ...line.packages];
}

/** The command line's mirror, else the factory file's, else the host's own. */
async function buildMirror({ line, mirror }: PrepareOptions): Promise<Mirror> {
  if (mirror !== undefined) return mirrorAt(mirror, 'mirror');
  if (line.mirror.build !== undefined) return mirrorAt(line.mirror.build, `${line.name}: mirror.build`);
  const own = await hostMirror();
  if (own !== undefined) return own;
  throw new HostError("this host's apt knows no Debian archive", {
    advice: 'name one with --mirror, or as mirror.build in the factory file',
  });
}

/** Where the bundles of a line lie, and where one build's is. */
export function bundlePath(output: string, line: ImageLine, version: string): string {
  return join(output, line.name, `${version}-${line.architecture}`);
}
