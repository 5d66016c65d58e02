import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { corePath } from '../bundle/names.ts';
import type { ImageFile, Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { DISK_SOURCES } from '../image/write/source.ts';
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
  await requireTools(context, TOOLS.deploy, { install: request.installTools, root: rootPrefix });
  const bundle = resolve(request.bundle);
  const { manifest, signedBy } = await trustBundle(context, bundle, factory);
  const file = sourceOf(manifest);
  const disk = { size: manifest.diskSize, digest: manifest.diskDigest };
  const target = await inspectTarget(request.to, disk.size);
  const written = request.dryRun
    ? 0
    : await write(context, { path: join(corePath(bundle), file.path), form: file.form }, disk, target);
  return { manifest, signedBy, target, source: file.path, written };
}

function sourceOf({ files, image, version }: Manifest): ImageFile {
  for (const form of DISK_SOURCES) {
    const file = files.find(each => each.form === form);
    if (file !== undefined) return file;
  }
  throw new DefinitionError(`the bundle of ${image} ${version} holds no disk`);
}

function write(
  context: Context,
  image: Pick<ImageFile, 'form'> & { path: string },
  disk: { size: number; digest: string },
  target: Target,
): Promise<number> {
  return withWorkDirectory(context, context.env.TMPDIR ?? tmpdir(), work =>
    writeDisk(context, { image, disk, target, work }),
  );
}
