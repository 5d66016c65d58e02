import { join } from 'node:path';
import type { Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { compareDocuments, mountedFilesystems, readDocuments } from '../image/documents.ts';
import { asRaw, rawDigest } from '../image/forms.ts';
import { requireSealed } from '../image/inspect.ts';
import type { Logins } from '../image/logins.ts';

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
  const seen: string[] = [`${manifest.files.length} forms of one disk`];
  for (const [turn, { path, form }] of manifest.files.entries()) {
    const raw = await asRaw(context, { path: join(core, path), form }, manifest.diskSize, work);
    try {
      if ((await rawDigest(context, raw.path)) !== manifest.diskDigest) {
        throw new CheckError(`${path} does not hold the disk of the manifest`, {
          advice: 'build the image again',
        });
      }
      // Once is enough: all forms hold the same disk.
      if (turn === 0) seen.push(await checkContent({ core, manifest, logins }, raw.path));
    } finally {
      await raw.remove();
    }
  }
  return seen.join('; ');
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
