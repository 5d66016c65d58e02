import { join } from 'node:path';
import { bootableImage, diskImages } from '../bundle/core.ts';
import type { Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { asRaw, rawDigest, sameDisk } from '../image/disk-file.ts';
import { compareDocuments, mountedFilesystems, readDocuments } from '../image/documents.ts';
import { requireSealed } from '../image/inspect.ts';
import type { Logins } from '../image/logins.ts';
import { checkOfTree } from './tree-files.ts';

export interface ImagesRequest {
  readonly core: string;
  readonly manifest: Manifest;
  /** Directory in which a work directory for a raw copy may be made. */
  readonly work: string;
  /** Who may log in: the factory file's word, since the manifest is the build's. */
  readonly logins: Logins;
}

/**
 * That the images are true: every form holds the disk of the manifest, the documents beside them tell what is
 * in it, and nothing in it ties an instance to the build.
 * @returns what was seen, one line
 * @throws CheckError
 */
export async function checkImages(context: Context, request: ImagesRequest): Promise<string> {
  // A killed run must not leave a raw copy that looks like an image.
  return withWorkDirectory(context, request.work, work => checkForms(context, { ...request, work }));
}

async function checkForms(
  context: Context,
  { core, manifest, work, logins }: ImagesRequest,
): Promise<string> {
  const disk = { size: manifest.diskSize, digest: manifest.diskDigest };
  const read = bootableImage(manifest);
  const images = diskImages(manifest);
  const others = images.filter(each => each.path !== read.path);
  const raw = await asRaw(context, { ...read, path: join(core, read.path) }, disk.size, work);
  const seen = [`${images.length} forms of one disk`];
  try {
    if ((await rawDigest(context, raw.path)) !== disk.digest) {
      throw new CheckError(`${read.path} does not hold the disk of the manifest`, {
        advice: 'build the image again',
      });
    }
    // Once is enough: all forms hold the same disk.
    seen.push(await checkContent({ core, manifest, logins }, raw.path));
  } finally {
    await raw.remove();
  }
  await sameDisk(
    context,
    others.map(each => ({ ...each, path: join(core, each.path) })),
    disk,
    work,
  );
  return [...seen, ...(await checkOfTree(context, core, manifest))].join('; ');
}

async function checkContent(
  { core, manifest, logins }: Omit<ImagesRequest, 'work'>,
  raw: string,
): Promise<string> {
  const { line, image, version, inputDigest, epoch } = manifest;
  const { distribution, release } = line;
  const filesystems = mountedFilesystems(manifest.volumes);
  const documents = await readDocuments({
    ...{ raw, filesystems, image, version },
    ...{ distribution, release, inputDigest, epoch },
  });
  await compareDocuments(core, documents);
  requireSealed(documents, logins);
  return `${documents.entries.length} files and ${documents.installed.length} packages as told`;
}
