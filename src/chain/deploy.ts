import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bootableImage, diskImages } from '../bundle/core.ts';
import { corePath } from '../bundle/names.ts';
import type { DiskImage, Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { DISK_READERS, toolsOf } from '../image/forms/index.ts';
import { inspectTarget, type Target } from '../image/write/target.ts';
import { writeDisk } from '../image/write/write.ts';
import { readDefinition } from './definition.ts';
import { trustBundle } from './trust.ts';
import type { DeployRequest, DeployResult } from './types.ts';

/**
 * Writes the disk of a signed bundle to a device or a file, as golden images are deployed.
 * @throws TrustError when the bundle is not signed by a release key of the factory's, DefinitionError and
 *   HostError when the target is in use, too small or no place for an image; nothing is written then
 */
export async function deploy(context: Context, request: DeployRequest): Promise<DeployResult> {
  const { factory } = await readDefinition(context, request.factory);
  const bundle = resolve(request.bundle);
  const { manifest, signedBy } = await trustBundle(context, bundle, factory);
  const file = sourceOf(manifest);
  const tools = [...TOOLS.deploy, ...toolsOf([file.form])];
  await requireTools(context, tools, { install: request.installTools, root: rootPrefix });
  const disk = { size: manifest.diskSize, digest: manifest.diskDigest };
  const target = await inspectTarget(request.to, disk.size);
  const written = request.dryRun
    ? 0
    : await write(context, { path: join(corePath(bundle), file.path), form: file.form }, disk, target);
  return { manifest, signedBy, target, source: file.path, written };
}

/** Rather one that needs no room of its own to be read. */
function sourceOf(manifest: Manifest): DiskImage {
  return (
    diskImages(manifest).find(each => DISK_READERS[each.form].read !== undefined) ?? bootableImage(manifest)
  );
}

function write(
  context: Context,
  image: Pick<DiskImage, 'form'> & { path: string },
  disk: { size: number; digest: string },
  target: Target,
): Promise<number> {
  return withWorkDirectory(context, context.env.TMPDIR ?? tmpdir(), work =>
    writeDisk(context, { image, disk, target, work }),
  );
}
