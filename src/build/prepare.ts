import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Disk, ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import { type ToolSet, toolsKey } from '../host/sandbox/tools-tree.ts';
import { diskPlan } from '../image/plan.ts';
import type { Pins } from './archive/closure.ts';
import type { SuiteState } from './archive/state.ts';
import { libraryDigest } from './dib.ts';
import {
  hostMirror,
  type Mirror,
  mirrorAt,
  type Source,
  sourcesFor,
  suiteOf,
} from './distributions/debian.ts';
import { withElementDisk } from './element-disk.ts';
import { type Element, type ElementShelf, operatingSystem, perElement, resolveElements } from './elements.ts';
import { type GivenFile, givenFiles } from './given-files.ts';
import { PHASES } from './hooks.ts';
import { ENGINE, type Inputs, inputDigest, inputsOf } from './inputs.ts';
import { type PackageRequest, packageInstalls } from './package-installs.ts';
import { type KnownRepository, knowRepositories } from './repositories.ts';
import { Shared } from './shared.ts';

/** All that is known of a build before it starts, without root. */
export interface Preparation {
  readonly line: ImageLine;
  readonly suite: string;
  readonly mirror: Mirror;
  /** Whether the engine makes the tree, and not an element that provides operating-system. */
  readonly own: boolean;
  /** Which tools tree the build needs. */
  readonly toolSet: ToolSet;
  readonly sources: readonly Source[];
  readonly suites: readonly SuiteState[];
  readonly elements: readonly Element[];
  /** Files of whoever builds, that the line hands to elements. */
  readonly given: readonly GivenFile[];
  readonly packages: readonly PackageRequest[];
  readonly inputs: Inputs;
  readonly repositories: readonly KnownRepository[];
  /** Versions of packages that must be taken; of others the newest. */
  readonly pins: Pins;
  readonly inputDigest: string;
  /** See Closure. */
  readonly closureDigest: string;
  /** Version and SHA-256 by name of what comes from the distribution. */
  readonly closure: Readonly<Record<string, string>>;
  /** Bytes of all packages' files, installed. */
  readonly installed: number;
  /** Bytes of the packages themselves. */
  readonly download: number;
  /** Whether a package that would be installed comes from a security suite. */
  isSecurity(name: string): boolean;
}

export interface PrepareOptions {
  readonly line: ImageLine;
  readonly elementPaths: readonly string[];
  /** Of the factory file: paths of keys, and those in the line's environment, are relative to it. */
  readonly directory: string;
  /** From the command line; wins over the factory file. */
  readonly mirror?: string;
  /** Of the lines that are prepared together; default: the line's own. */
  readonly shared?: Shared;
  /** What an earlier build was made of, to be made again. */
  readonly again?: Again;
}

/** An earlier build to be made again, from the same versions of packages. */
export interface Again {
  readonly pins: Pins;
  /** What its UUIDs derive from. */
  readonly inputDigest: string;
}

/** The element that every image of a distribution starts from. */
const FOUNDATION = 'debian-cloud';

const XFS_TOOLS = 'xfsprogs';

/**
 * Resolves elements and packages, and asks the mirror for its present state.
 * @throws DefinitionError, NetworkError
 */
export async function prepare(context: Context, options: PrepareOptions): Promise<Preparation> {
  const { pins = {} } = options.again ?? {};
  const { shared = new Shared(context, pins) } = options;
  const { elements, own } = await elementsOf(options.line, options.elementPaths, shared.shelf);
  const line = withXfsTools(await withElementDisk(options.line, elements));
  const suite = suiteOf(line.release);
  const conditions = {
    architecture: line.architecture,
    distribution: line.distribution,
    release: suite,
    environment: line.environment,
  };
  const packages = (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
  const mirror = await buildMirror(options, shared);
  const sources = sourcesFor(suite, mirror, { mayBeOld: options.again !== undefined });
  const archive = await shared.archives.at(sources, line.architecture);
  const {
    packages: closure,
    unknown,
    installed,
    download,
    digest,
    files,
    security,
  } = await archive.closure(namesOf(packages, line));
  const repositories = await knowRepositories(context, line, options.directory);
  if (unknown.length > 0 && repositories.length === 0) {
    context.log.warn(`${line.name}: no suite of its archive has ${unknown.join(', ')}`);
  }
  const toolSet = toolsFor(elements, line.disk);
  const given = await givenFiles(line.environment, options.directory);
  const library = await libraryDigest(elements);
  const inputs = inputsOf({
    engine: ENGINE,
    toolsTree: toolsKey(toolSet),
    line,
    elements: [
      ...elements,
      ...given.map(({ variable, digest }) => ({ name: `file of ${variable}`, digest })),
      ...(library === undefined ? [] : [{ name: "diskimage-builder's library", digest: library }]),
    ],
    packages: { ...closure, ...statesOf(repositories) },
  });
  return {
    line,
    suite,
    mirror,
    own,
    toolSet,
    sources,
    suites: archive.suites,
    elements,
    given,
    packages,
    repositories,
    pins,
    inputs,
    inputDigest: options.again?.inputDigest ?? inputDigest(inputs),
    closureDigest: digest,
    closure: files,
    installed,
    download,
    isSecurity: name => security.includes(name),
  };
}

/**
 * Our foundation comes first, unless an element of the line brings the operating system itself; the collection of
 * that one then comes before the built-in elements, so that elements of the same name fit each other.
 */
async function elementsOf(
  line: ImageLine,
  paths: readonly string[],
  shelf: ElementShelf,
): Promise<{ elements: Element[]; own: boolean }> {
  const bringing = await operatingSystem(line.elements, paths, shelf);
  if (bringing === undefined) {
    return { elements: await resolveElements([FOUNDATION, ...line.elements], paths, shelf), own: true };
  }
  const collection = dirname(bringing.path);
  const ordered = [...new Set([...paths.slice(0, 1), collection, ...paths])];
  return { elements: await resolveElements(line.elements, ordered, shelf), own: false };
}

/** What is asked of the archive, beside what is there anyway: mmdebstrap's minbase is required packages and apt. */
function namesOf(packages: readonly PackageRequest[], line: ImageLine): string[] {
  const wanted = packages.filter(each => !each.uninstall).map(each => each.name);
  return ['apt', ...wanted, ...line.packages];
}

function hasXfs(disk: Disk): boolean {
  return diskPlan(disk).volumes.some(each => each.content === 'xfs');
}

/** An image that has an XFS can grow, check and repair it. */
function withXfsTools(line: ImageLine): ImageLine {
  const isThere = !hasXfs(line.disk) || line.packages.includes(XFS_TOOLS);
  return isThere ? line : { ...line, packages: [...line.packages, XFS_TOOLS] };
}

/** Scripts outside the chroot, and an XFS, take what the engine itself does not need. */
function toolsFor(elements: readonly Element[], disk: Disk): ToolSet {
  const isOutside = elements.some(hasOutside);
  if (hasXfs(disk)) return isOutside ? 'outside-xfs' : 'xfs';
  return isOutside ? 'outside' : 'engine';
}

/** Whether scripts of an element run outside the chroot. */
const hasOutside = perElement(({ path }) =>
  Object.entries(PHASES).some(([phase, where]) => where === 'outside' && existsSync(join(path, phase))),
);

/** Repositories beside the distribution's count as a whole: their state stands for the versions in them. */
function statesOf(repositories: readonly KnownRepository[]): Record<string, string> {
  return Object.fromEntries(repositories.map(each => [`repository:${each.name}`, each.inReleaseSha256]));
}

/** The command line's mirror, else the factory file's, else the host's own. */
async function buildMirror({ line, mirror }: PrepareOptions, shared: Shared): Promise<Mirror> {
  if (mirror !== undefined) return mirrorAt(mirror, 'mirror');
  const own = await knownMirror(line, () => shared.hostMirror());
  if (own !== undefined) return own;
  throw new HostError("this host's apt knows no Debian archive", {
    advice: 'name one with --mirror, or as mirror.build in the factory file',
  });
}

/** The mirror that the factory file names, else the one of this host's apt; undefined: neither. */
export async function knownMirror(
  { name, mirror }: ImageLine,
  ofHost: () => Promise<Mirror | undefined> = hostMirror,
): Promise<Mirror | undefined> {
  return mirror.build === undefined ? ofHost() : mirrorAt(mirror.build, `${name}: mirror.build`);
}

/** Where the bundles of a line lie, and where one build's is. */
export function bundlePath(output: string, line: ImageLine, version: string): string {
  return join(output, line.name, `${version}-${line.architecture}`);
}
