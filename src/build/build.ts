import { basename, join } from 'node:path';
import { MIRROR_PATIENCE } from '../host/apt.ts';
import type { Context } from '../host/context.ts';
import { places } from '../host/places.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireRoom } from '../host/room.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { toolsPath, toolsTree } from '../host/sandbox/tools-tree.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { diskPlan } from '../image/plan.ts';
import { BuildLog } from './build-log.ts';
import { BUILD, HELPERS } from './chroot.ts';
import { layOutSources } from './dib.ts';
import { buildDisk } from './disk.ts';
import { toolsSources } from './distributions/debian.ts';
import { watchingDownloads } from './downloads.ts';
import { keepingLog, withFullTreeTold } from './failure.ts';
import { layOutGiven } from './given-files.ts';
import { writeHelpers } from './helpers.ts';
import { assembleHooks, type Hooks } from './hooks.ts';
import type { LayerRoom } from './layers/layers.ts';
import { type LayerLimits, layerPlan, withLayerRoom } from './layers/room.ts';
import type { LayerPlan } from './layers/start.ts';
import { type BuiltImage, pack } from './pack.ts';
import type { Preparation } from './prepare.ts';
import { roomNeeds } from './room.ts';
import { sealTree } from './seal.ts';
import { probedDisk, writeStandIns } from './stand-ins.ts';
import { buildTree } from './tree.ts';
import type { Reservation } from './version.ts';
import { openWorkshop } from './workshop.ts';

export interface ImageBuild extends Reservation {
  readonly preparation: Preparation;
  /** Directory for work files; default: the reserved one beside the bundle. */
  readonly work?: string;
  /** Seconds that the mirror may keep us waiting. */
  readonly mirrorTimeout?: number;
  /** Absent: a cold build, which leaves no layers. */
  readonly layers?: LayerLimits;
  readonly job: string;
}

/**
 * Builds one image line into a bundle; nothing of it has the bundle's name before it is whole. The log of a
 * failed build is kept beside it, as VERSION-ARCHITECTURE.failed.log.
 */
export async function buildImage(context: Context, request: ImageBuild): Promise<BuiltImage> {
  const { preparation, bundle, directory: results } = request;
  const { cache } = places(context);
  const work = request.work ?? results;
  const downloads = join(cache, 'downloads', preparation.line.distribution);
  const directories = { results, work, cache, downloads, tools: toolsPath(cache, preparation.toolSet) };
  const needs = await roomNeeds(preparation, directories, request.layers);
  await requireRoom(context, 'the build', needs);
  const log = new BuildLog(context, join(results, 'build.log'), `${bundle}.failed.log`);
  return keepingLog(context, log, needs, async () => {
    const tools = await toolsFor(context, request, cache);
    const withLayers = (work: string) =>
      withLayerRoom(context, cache, request.layers, room =>
        inWorkshop(context, request, { tools, work, downloads, log, ...(room && { room }) }),
      );
    return request.work === undefined
      ? withLayers(results)
      : withWorkDirectory(context, request.work, withLayers);
  });
}

async function toolsFor(context: Context, request: ImageBuild, cache: string): Promise<string> {
  const { preparation, mirrorTimeout: patience } = request;
  return toolsTree(context, {
    cache,
    root: await rootPrefix(),
    sources: toolsSources(preparation.mirror),
    ...(patience === undefined ? {} : { patience }),
    set: preparation.toolSet,
  });
}

/** Where and by what a build is made. */
interface Site {
  readonly tools: string;
  readonly work: string;
  readonly downloads: string;
  readonly room?: LayerRoom;
  readonly log: BuildLog;
}

async function inWorkshop(context: Context, request: ImageBuild, site: Site): Promise<BuiltImage> {
  const { preparation, directory: results } = request;
  const { work, room, log } = site;
  const hooks = await layOut(preparation, work);
  const out = join(results, 'out');
  const files = room && { files: room.draft };
  const sandbox = await openWorkshop(context, { ...site, root: await rootPrefix(), out, ...files });
  try {
    const layers = room && { layers: await layerPlan(context, { preparation, sandbox, work, room }) };
    const { layers: _limits, ...rest } = request;
    return await withFullTreeTold(sandbox, BUILD, () =>
      withSandbox(context, sandbox, { ...rest, hooks, log, ...layers }),
    );
  } finally {
    await sandbox.close();
  }
}

/** A build that has begun. */
interface Begun extends Omit<ImageBuild, 'layers'> {
  readonly hooks: Hooks;
  readonly layers?: LayerPlan;
  readonly log: BuildLog;
}

/** Puts the elements' parts where the sandbox will see them. */
export async function layOut(preparation: Preparation, work: string): Promise<Hooks> {
  const folder = join(work, 'elements');
  const hooks = await assembleHooks(preparation.elements, join(folder, 'hooks'));
  await layOutSources(preparation.elements, folder);
  await layOutGiven(preparation.given, folder);
  const disk = probedDisk(diskPlan(preparation.line.disk), preparation.inputDigest);
  const standIns = join(folder, 'stand-ins');
  await writeStandIns(standIns, disk);
  const { distribution } = preparation.line;
  await writeHelpers(join(standIns, HELPERS), preparation.elements, {
    distribution,
    release: preparation.suite,
  });
  return hooks;
}

async function withSandbox(context: Context, sandbox: Sandbox, begun: Begun): Promise<BuiltImage> {
  const { preparation, directory: results, hooks, log } = begun;
  const { line, inputDigest: seed } = preparation;
  const [name, patience] = [basename(results), begun.mirrorTimeout ?? MIRROR_PATIENCE];
  const layers = begun.layers && { layers: begun.layers };
  const step = <T>(title: string, act: () => Promise<T>) => shown(context, title, act);
  const tree = await step('root tree', () =>
    watchingDownloads(context, sandbox, { name, patience }, () =>
      buildTree(sandbox, { ...preparation, hooks, name, patience, ...layers }, log),
    ),
  );
  await step('seal', () => log.timed('seal', () => sealTree(sandbox, line.user)));
  const out = join(results, 'out');
  const disk = await step('disk image', () =>
    buildDisk(context, sandbox, { line, seed, epoch: tree.epoch, out }, log),
  );
  return step('forms, inventory and digests', () => pack(context, sandbox, { ...begun, ...tree, disk }, log));
}

async function shown<T>(context: Context, title: string, act: () => Promise<T>): Promise<T> {
  const progress = context.log.progress(title);
  const result = await act();
  progress.end();
  return result;
}
