import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceRepository } from '../bundle/types.ts';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { availableMemory } from '../host/room.ts';
import { UID_BASE } from '../host/sandbox/protocol.ts';
import { Sandbox } from '../host/sandbox/sandbox.ts';
import { fstab } from '../image/fstab.ts';
import { diskPlan } from '../image/plan.ts';
import type { Pins } from './archive/closure.ts';
import { bootstrap, pinnedPreferences } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { Chroot } from './chroot.ts';
import { type Mirror, type Source, sourcesList } from './distributions/debian.ts';
import type { Element } from './elements.ts';
import { packageEpoch } from './epoch.ts';
import { afterCleanup, settlePasswordDates, writeFstab } from './finish.ts';
import { type GivenFile, givenEnvironment } from './given-files.ts';
import { byNumber, type Hooks } from './hooks.ts';
import { type PackageRequest, packageInstalls } from './package-installs.ts';
import { type PhaseWorld, runPhase } from './phases.ts';
import { addRepositories, dropRepositories, type KnownRepository } from './repositories.ts';
import { restoreResolver, setResolver } from './resolver.ts';
import { scriptEnvironment } from './script-environment.ts';
import { sourceRepositories } from './source-repositories.ts';
import { type GrubRequest, grubRequests } from './stand-ins.ts';

const GIB = 1024 ** 3;

/** Room a tree may take, bytes: the size of its memory file system, and what is asked of a disk. */
export const TREE_ROOM = 6 * GIB;

export interface Workshop {
  readonly tools: string;
  /** From rootPrefix(). */
  readonly root: readonly string[];
  /** Private directory of this build; see src/host/workdir.ts. */
  readonly work: string;
  /** Directory of results, made here. */
  readonly out: string;
  /** Directory of downloads shared among builds, owned by the sandbox's root. */
  readonly downloads: string;
}

/** Whether a tree grows in memory, on a host with so much of it to spare. */
export function isInMemory(available: number): boolean {
  return available > TREE_ROOM + GIB;
}

/** Opens the sandbox of a build: hooks at /elements, results at /out, the tree at /build/tree. */
export async function openWorkshop(context: Context, workshop: Workshop): Promise<Sandbox> {
  const { work, out, downloads } = workshop;
  const memory = isInMemory(await availableMemory());
  for (const name of ['root', 'build', 'elements']) await mkdir(join(work, name), { recursive: true });
  await mkdir(out, { recursive: true });
  // The sandbox's root is a stranger to us: it may write here because everybody may, and nobody else gets in.
  await chmod(out, 0o777);
  await mkdir(downloads, { recursive: true });
  const sandbox = await Sandbox.open(context, workshop.root);
  try {
    // The elements too: what only their owner may read (a sudoers file) is otherwise shut to the sandbox's root.
    for (const path of [downloads, join(work, 'build'), join(work, 'elements')]) {
      await sandbox.request({ op: 'give', path, uid: UID_BASE, gid: UID_BASE });
    }
    const bind = (source: string, target: string, writable: boolean) => ({ source, target, writable });
    await sandbox.enter({
      tools: workshop.tools,
      mountPoint: join(work, 'root'),
      binds: [
        bind(out, '/out', true),
        bind(join(work, 'elements'), '/elements', false),
        bind(downloads, '/cache', true),
        ...(memory ? [] : [bind(join(work, 'build'), '/build', true)]),
      ],
      memory: memory ? [{ target: '/build', bytes: TREE_ROOM }] : [],
      network: true,
    });
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

export interface TreeRequest {
  readonly line: ImageLine;
  readonly suite: string;
  readonly mirror: Mirror;
  readonly sources: readonly Source[];
  readonly elements: readonly Element[];
  readonly hooks: Hooks;
  readonly given: readonly GivenFile[];
  /** Whether the engine makes the tree, and not an element that provides operating-system. */
  readonly own: boolean;
  readonly repositories: readonly KnownRepository[];
  /** Versions of packages that must be taken; of others the newest. */
  readonly pins: Pins;
  /** Unique name of this build. */
  readonly name: string;
  /** Seconds that the mirror may keep us waiting. */
  readonly patience: number;
}

export interface BuiltTree {
  /** Seconds since 1970: see packageEpoch. */
  readonly epoch: number;
  /** What the elements want of the boot loader. */
  readonly grub: readonly GrubRequest[];
  readonly sourceRepositories: readonly SourceRepository[];
}

/** The root tree: bootstrap or root.d, then the phases in diskimage-builder's order, then the engine's own touches. */
export async function buildTree(sandbox: Sandbox, request: TreeRequest, log: BuildLog): Promise<BuiltTree> {
  const chroot = await Chroot.open(sandbox, request.name);
  const world = await openWorld(chroot, request, log);
  const { own } = request;
  if (!own) await chroot.makeTree();
  const later = own ? await bootstrapOwn(sandbox, request, world) : world;
  await runPhase(world, 'root.d');
  await chroot.mount();
  await setResolver(chroot);
  await log.timed('repositories', () => addRepositories(chroot, request.repositories, log));
  const environment = { SOURCE_DATE_EPOCH: String(await packageEpoch(sandbox)), ...world.environment };
  const rest = { ...world, ...later, environment };
  await runPhase(rest, 'extra-data.d');
  const fetched = await sourceRepositories(rest);
  const phases = ['pre-install.d', 'install.d', 'post-install.d', 'post-root.d'] as const;
  for (const phase of phases) await runPhase(rest, phase);
  // As diskimage-builder does here: what scripts have mounted in the tree so far is not there any more.
  await chroot.unmount();
  await runPhase(rest, 'block-device.d');
  await chroot.mount();
  await writeFstab(chroot, request.line.disk);
  for (const phase of ['pre-finalise.d', 'finalise.d', 'cleanup.d'] as const) await runPhase(rest, phase);
  await dropRepositories(chroot, request.repositories);
  const grub = await grubRequests(chroot);
  await restoreResolver(chroot);
  await chroot.unmount();
  await chroot.close();
  const mirror = request.line.mirror.image;
  await log.timed('after cleanup', () =>
    afterCleanup(sandbox, {
      ...request,
      disk: request.line.disk,
      grub,
      own,
      ...(mirror === undefined ? {} : { image: mirror }),
    }),
  );
  const epoch = await packageEpoch(sandbox);
  await settlePasswordDates(sandbox, epoch);
  return { epoch, grub, sourceRepositories: fetched };
}

interface World extends PhaseWorld {
  readonly chroot: Chroot;
}

async function openWorld(chroot: Chroot, request: TreeRequest, log: BuildLog): Promise<World> {
  const { line, suite, mirror, hooks, given } = request;
  const { elements } = hooks;
  const told = scriptEnvironment({ line, suite, mirror, elements, cache: chroot.cache });
  const environment = { ...told, ...givenEnvironment(given) };
  const packages = await requestedPackages(chroot, request, environment);
  return { chroot, hooks, log, environment, packages, extra: line.packages };
}

/** Conditions in package-installs.yaml may name what elements' environment.d sets. */
async function requestedPackages(
  chroot: Chroot,
  { line, suite, elements }: TreeRequest,
  given: Readonly<Record<string, string>>,
): Promise<PackageRequest[]> {
  const told = await chroot.outside(['env', '-0'], { env: given, environment: true });
  const entries = told.stdout
    .split('\0')
    .map(row => [row.slice(0, row.indexOf('=')), row.slice(row.indexOf('=') + 1)]);
  const environment: Record<string, string> = Object.fromEntries(entries);
  const { architecture, distribution } = line;
  const conditions = { architecture, distribution, release: suite, environment };
  return (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
}

/** The packages that are left for the phases. */
type Later = Pick<PhaseWorld, 'packages' | 'extra'>;

async function bootstrapOwn(sandbox: Sandbox, request: TreeRequest, world: PhaseWorld): Promise<Later> {
  const { line, suite, sources, name, patience, hooks } = request;
  const [first, later] = splitPackages(hooks, world, request.repositories.length > 0);
  await world.log.timed('bootstrap', () =>
    bootstrap(sandbox, {
      suite,
      packages: first,
      sources: sourcesList(sources),
      fstab: fstab(diskPlan(line.disk)),
      preferences: pinnedPreferences(request.pins),
      name,
      patience,
      onLine: text => world.log.line('mmdebstrap', text),
    }),
  );
  return later;
}

/**
 * Packages of the install phase come with the bootstrap, in one transaction, when no script of an element
 * runs before them and all come from the distribution; that saves a second round of apt, dpkg and triggers.
 */
function splitPackages(
  hooks: Hooks,
  { packages, extra }: PhaseWorld,
  moreSources: boolean,
): [string[], Later] {
  const scripts = [...hooks.owners.keys()].map(key => key.split('/'));
  const early =
    moreSources ||
    scripts.some(
      ([phase, name = '']) =>
        phase === 'extra-data.d' ||
        phase === 'pre-install.d' ||
        (phase === 'install.d' && byNumber(name, '01-package-installs') < 0),
    );
  const first = (each: PackageRequest) => !early && each.phase !== 'post-install.d' && !each.uninstall;
  // Without these the tree has no shell environment for the scripts that come first.
  const always = early ? ['ca-certificates'] : extra;
  return [
    [...new Set([...always, ...packages.filter(first).map(each => each.name)])].sort(),
    { packages: packages.filter(each => !first(each)), extra: early ? extra : [] },
  ];
}
