import type { SourceRepository } from '../bundle/types.ts';
import type { ImageLine } from '../definition/types.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { fstab } from '../image/fstab.ts';
import { diskPlan } from '../image/plan.ts';
import { rootOf } from '../image/volume.ts';
import type { Pins } from './archive/closure.ts';
import { type BootstrapRequest, bootstrap, pinnedPreferences } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { Chroot } from './chroot.ts';
import { type Mirror, type Source, sourcesList } from './distributions/debian.ts';
import type { Element } from './elements.ts';
import { packageEpoch } from './epoch.ts';
import { afterCleanup, settlePasswordDates, writeFstab } from './finish.ts';
import { type GivenFile, givenEnvironment } from './given-files.ts';
import type { Hooks } from './hooks.ts';
import type { Layers } from './layers/layers.ts';
import { type LayerPlan, startLayers } from './layers/start.ts';
import { BOOTSTRAP, SETTLE } from './layers/steps.ts';
import { requestedPackages, splitPackages } from './package-split.ts';
import { type PhaseWorld, runPhase } from './phases.ts';
import { addRepositories, dropRepositories, type KnownRepository, refreshLists } from './repositories.ts';
import { restoreResolver, setResolver } from './resolver.ts';
import { scriptEnvironment } from './script-environment.ts';
import { sourceRepositories } from './source-repositories.ts';
import { type GrubRequest, grubRequests } from './stand-ins.ts';

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
  /** What the disk's UUIDs derive from. */
  readonly inputDigest: string;
  readonly repositories: readonly KnownRepository[];
  /** Versions of packages that must be taken; of others the newest. */
  readonly pins: Pins;
  /** Unique name of this build. */
  readonly name: string;
  /** Seconds that the mirror may keep us waiting. */
  readonly patience: number;
  /** Absent: no layer is used, and none is left. */
  readonly layers?: LayerPlan;
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
  await makeTree(sandbox, request, world);
  const environment = { SOURCE_DATE_EPOCH: String(await packageEpoch(sandbox)), ...world.environment };
  const fetched = await runPhases({ ...world, environment }, request);
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
      documentation: hasDocumentation(request.line),
      grub,
      ...(mirror === undefined ? {} : { image: mirror }),
    }),
  );
  await world.layers?.finish();
  const epoch = await packageEpoch(sandbox);
  await settlePasswordDates(sandbox, epoch);
  return { epoch, grub, sourceRepositories: fetched };
}

function hasDocumentation({ documentation }: TreeRequest['line']): boolean {
  return documentation !== 'none';
}

function wantedNames({ packages, extra }: PhaseWorld): string[] {
  return [...packages.filter(each => !each.uninstall).map(each => each.name), ...extra];
}

interface World extends PhaseWorld {
  readonly chroot: Chroot;
  /** Absent: scripts of root.d make the tree. */
  readonly bootstrap?: Pick<
    BootstrapRequest,
    'suite' | 'packages' | 'sources' | 'fstab' | 'preferences' | 'filesystem' | 'documentation'
  >;
  readonly layers?: Layers;
}

async function openWorld(chroot: Chroot, request: TreeRequest, log: BuildLog): Promise<World> {
  const { line, suite, mirror, hooks, given, own, sources, layers } = request;
  const { elements } = hooks;
  const told = scriptEnvironment({ line, suite, mirror, elements, cache: chroot.cache });
  const environment = { ...told, ...givenEnvironment(given) };
  const packages = await requestedPackages(chroot, request, environment);
  const asked = { packages, extra: line.packages };
  const world = { chroot, hooks, log, environment, ...asked };
  if (!own) return { ...world, ...(layers && { layers: await startLayers(world, layers) }) };
  const { first, ...later } = splitPackages(hooks, asked, request.repositories.length > 0);
  const plan = diskPlan(line.disk);
  const made = {
    bootstrap: {
      ...{ suite, packages: first, sources: sourcesList(sources), fstab: fstab(plan) },
      filesystem: rootOf(plan).content,
      documentation: hasDocumentation(line),
      preferences: pinnedPreferences(request.pins),
    },
  };
  const whole = { ...world, ...later, ...made };
  return { ...whole, ...(layers && { layers: await startLayers(whole, layers) }) };
}

/** A tree that scripts can work in: with a distribution, mounts, a resolver and all repositories. */
async function makeTree(sandbox: Sandbox, request: TreeRequest, world: World): Promise<void> {
  const { chroot, log, layers } = world;
  const isDone = (place: string) => layers?.isDone(place) ?? false;
  if (world.bootstrap === undefined) {
    if (!isDone(SETTLE)) await chroot.makeTree();
  } else if (!isDone(BOOTSTRAP)) {
    const onLine = (text: string) => log.line('mmdebstrap', text);
    const { name, patience } = request;
    const made = { ...world.bootstrap, name, patience, onLine };
    const make = () => log.timed('bootstrap', () => bootstrap(sandbox, made));
    await (layers?.bootstrap(make) ?? make());
  }
  await runPhase(world, 'root.d');
  await chroot.mount();
  if (layers?.areListsOld) await log.timed('package lists', () => refreshLists(chroot, log));
  if (isDone(SETTLE)) return;
  await setResolver(chroot);
  const wanted = wantedNames(world);
  await log.timed('repositories', () => addRepositories(chroot, request.repositories, wanted, log));
  await layers?.passed(SETTLE);
}

/** The phases after the tree is made. @returns what was fetched on the way */
async function runPhases(world: World, request: TreeRequest): Promise<readonly SourceRepository[]> {
  const { chroot, layers } = world;
  await runPhase(world, 'extra-data.d');
  const known = layers?.found as readonly SourceRepository[] | undefined;
  const fetched = known ?? (await sourceRepositories(world));
  layers?.note(fetched);
  const phases = ['pre-install.d', 'install.d', 'post-install.d', 'post-root.d'] as const;
  for (const phase of phases) await runPhase(world, phase);
  // As diskimage-builder does here: what scripts have mounted in the tree so far is not there any more.
  await chroot.unmount();
  await runPhase(world, 'block-device.d');
  await chroot.mount();
  await writeFstab(chroot, request.line.disk);
  for (const phase of ['pre-finalise.d', 'finalise.d', 'cleanup.d'] as const) await runPhase(world, phase);
  return fetched;
}
