import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { availableMemory } from '../host/room.ts';
import { UID_BASE } from '../host/sandbox/protocol.ts';
import { Sandbox } from '../host/sandbox/sandbox.ts';
import { bootstrap } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { type Source, sourcesList } from './distributions/debian.ts';
import { packageEpoch } from './epoch.ts';
import { afterFinalise, FSTAB, ROOT_LABEL } from './finish.ts';
import { byNumber, type Hooks, PHASES } from './hooks.ts';
import type { PackageRequest } from './package-installs.ts';
import { runPhase } from './phases.ts';

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
  readonly sources: readonly Source[];
  readonly hooks: Hooks;
  readonly packages: readonly PackageRequest[];
  /** Unique name of this build. */
  readonly name: string;
  /** Seconds that the mirror may keep us waiting. */
  readonly patience: number;
}

/**
 * The root tree: bootstrap, then the phases, then the engine's own touches.
 * @returns the epoch of the tree: see packageEpoch
 */
export async function buildTree(sandbox: Sandbox, request: TreeRequest, log: BuildLog): Promise<number> {
  const { line, suite, sources } = request;
  const [first, later] = splitPackages(request);
  await log.timed('bootstrap', () =>
    bootstrap(sandbox, {
      suite,
      packages: first,
      sources: sourcesList(sources),
      fstab: FSTAB,
      name: request.name,
      patience: request.patience,
      onLine: text => log.line('mmdebstrap', text),
    }),
  );
  const world = {
    sandbox,
    hooks: request.hooks,
    log,
    environment: {
      SOURCE_DATE_EPOCH: String(await packageEpoch(sandbox)),
      ...scriptEnvironment(line, suite),
    },
    packages: later,
  };
  for (const phase of PHASES) await runPhase(world, phase);
  const mirror = line.mirror.image;
  await log.timed('after finalise', () =>
    afterFinalise(sandbox, { suite, build: sources, ...(mirror === undefined ? {} : { mirror }) }),
  );
  return packageEpoch(sandbox);
}

/**
 * Packages of the install phase come with the bootstrap, in one transaction, when no script of an element
 * runs before them; that saves a second round of apt, dpkg and triggers.
 */
function splitPackages({ line, hooks, packages }: TreeRequest): [string[], PackageRequest[]] {
  const early =
    hooks.scripts['pre-install.d'].length > 0 ||
    hooks.scripts['install.d'].some(each => byNumber(each.name, '01-package-installs') < 0);
  const asked = line.packages.map(name => ({
    name,
    phase: 'install.d' as const,
    uninstall: false,
    element: line.name,
  }));
  const all = [...packages, ...asked];
  const first = (each: PackageRequest) => !early && each.phase !== 'post-install.d' && !each.uninstall;
  // Without these the tree has no shell environment for the scripts that come first.
  const always = early ? ['ca-certificates'] : [];
  return [
    [...new Set([...always, ...all.filter(first).map(each => each.name)])].sort(),
    all.filter(each => !first(each)),
  ];
}

/** The variables that diskimage-builder gives to the scripts in the chroot, and ours. */
function scriptEnvironment(line: ImageLine, suite: string): Record<string, string> {
  return {
    ARCH: line.architecture,
    DISTRO_NAME: line.distribution,
    DIB_RELEASE: suite,
    DIB_ROOT_LABEL: ROOT_LABEL,
    IMAGE_NAME: line.name,
    IMAGE_ELEMENT: line.elements.join(' '),
    IMAGE_FACTORY_USER: line.user.name,
    ...line.environment,
  };
}
