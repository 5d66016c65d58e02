import { hostname } from 'node:os';
import { join } from 'node:path';
import { createBundle } from '../bundle/bundle.ts';
import { FORMAT_VERSION, type Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import {
  type Documents,
  type DocumentsRequest,
  mountedFilesystems,
  writeDocuments,
} from '../image/documents.ts';
import { placedRoot } from '../image/layout.ts';
import { minimumOf } from '../image/minimum.ts';
import type { BuildLog } from './build-log.ts';
import type { BuiltDisk } from './disk.ts';
import { digestRaw, makeForms, takeForms } from './forms.ts';
import { ENGINE } from './inputs.ts';
import type { Preparation } from './prepare.ts';
import type { BuiltTree } from './tree.ts';
import type { Reservation } from './version.ts';

export interface BuiltImage {
  readonly bundle: string;
  readonly manifest: Manifest;
}

/** A build whose disk is made. */
export interface PackRequest extends Reservation, BuiltTree {
  readonly preparation: Preparation;
  readonly job: string;
  readonly disk: BuiltDisk;
}

/** Makes the forms of the disk and the documents that tell of it, and puts all of it into the bundle. */
export async function pack(
  context: Context,
  sandbox: Sandbox,
  request: PackRequest,
  log: BuildLog,
): Promise<BuiltImage> {
  const { directory: results, disk } = request;
  const { line } = request.preparation;
  const out = join(results, 'out');
  const draft = await createBundle(request.bundle, join(results, 'bundle'));
  try {
    const forms = { ...request, line, disk, out, core: draft.core };
    const [, documents, digests] = await allEnded(
      makeForms(sandbox, forms, log),
      log.timed('inventory', () => writeDocuments(draft.core, documentsOf(request), context.signal)),
      log.timed('disk digests', () => digestRaw(sandbox)),
    );
    const { files, raw } = await log.timed('digests', () => takeForms(context, forms, digests));
    const { entries } = documents;
    const manifest = await makeManifest(context, sandbox, request, { files, raw, log, entries });
    context.log.debug(`${documents.installed.length} packages, ${documents.entries.length} files`);
    await log.finish(join(draft.core, 'logs', 'build.log'));
    return { bundle: await draft.finish(manifest), manifest };
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/**
 * All to their ends before the first failure is told: what goes on would write into directories that are about to
 * be removed.
 */
async function allEnded<T extends readonly Promise<unknown>[]>(
  ...all: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

function documentsOf({ preparation, version, epoch, disk }: PackRequest): DocumentsRequest {
  const { line, inputDigest } = preparation;
  const { distribution, release } = line;
  const filesystems = mountedFilesystems(volumesOf(disk));
  return { raw: disk.raw, filesystems, image: line.name, version, distribution, release, inputDigest, epoch };
}

async function makeManifest(
  context: Context,
  sandbox: Sandbox,
  request: PackRequest,
  made: Awaited<ReturnType<typeof takeForms>> & Pick<Documents, 'entries'> & { log: BuildLog },
): Promise<Manifest> {
  const { preparation } = request;
  const { line } = preparation;
  return {
    formatVersion: FORMAT_VERSION,
    image: line.name,
    version: request.version,
    builtAt: context.now().toISOString(),
    epoch: request.epoch,
    line,
    inputDigest: preparation.inputDigest,
    diskDigest: made.raw.sha256,
    diskSize: made.raw.size,
    files: made.files,
    minimum: minimumOf(made.entries, made.raw.size),
    builder: { engine: ENGINE, run: request.job, host: hostname() },
    rootFilesystem: rootFilesystem(request.disk),
    volumes: volumesOf(request.disk),
    elements: preparation.inputs.elements,
    tools: await toolVersions(sandbox),
    packages: preparation.inputs.packages,
    toolsTree: preparation.inputs.toolsTree,
    sources: preparation.suites.map(({ suite, inReleaseSha256 }) => ({ suite, inReleaseSha256 })),
    ...(request.sourceRepositories.length === 0 ? {} : { sourceRepositories: request.sourceRepositories }),
    timings: made.log.timings,
  };
}

function rootFilesystem({ layout }: BuiltDisk): Manifest['rootFilesystem'] {
  const { label = '', uuid, number: partition } = placedRoot(layout);
  return { label, uuid, partition };
}

function volumesOf({ layout }: BuiltDisk): Manifest['volumes'] {
  return layout.volumes.map(({ name, number: partition, content, uuid, label, mount }) => ({
    ...{ name, partition, content, uuid },
    ...(label === undefined ? {} : { label }),
    ...(mount?.point.startsWith('/') ? { mountPoint: mount.point } : {}),
  }));
}

/** Packages of the tools tree that shape an image's bytes; not each tree has all. */
const SHAPERS = [
  'e2fsprogs',
  'qemu-utils',
  'mmdebstrap',
  'fdisk',
  'dosfstools',
  'mtools',
  'squashfs-tools',
  'xfsprogs',
  'zstd',
];

async function toolVersions(sandbox: Sandbox): Promise<Record<string, string>> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const told = await sandbox.run(['dpkg-query', '-W', '-f', '${Package} ${Version}\\n', ...SHAPERS], {
    accept: [0, 1],
  });
  const rows = told.stdout.split('\n').filter(row => row !== '');
  return Object.fromEntries(rows.map(row => row.split(' ') as [string, string]));
}
