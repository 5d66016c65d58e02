import { join } from 'node:path';
import type { Manifest } from '../bundle/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { compareDocuments, readDocuments } from '../image/documents.ts';
import { asRaw, rawDigest } from '../image/forms.ts';
import { requireSealed } from '../image/inspect.ts';

/**
 * That the images are true: every form holds the disk of the manifest, the documents beside them tell what is
 * in it, and nothing in it ties an instance to the build.
 * @param request.work directory in which a work directory for a raw copy may be made
 * @returns what was seen, one line
 * @throws CheckError
 */
export async function checkImages(
  context: Context,
  { core, manifest, work }: { core: string; manifest: Manifest; work: string },
): Promise<string> {
  // A killed run must not leave a raw copy that looks like an image.
  return withWorkDirectory(context, work, directory =>
    checkForms(context, { core, manifest, work: directory }),
  );
}

async function checkForms(
  context: Context,
  { core, manifest, work }: { core: string; manifest: Manifest; work: string },
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
      if (turn === 0) seen.push(await checkContent(core, manifest, raw.path));
    } finally {
      await raw.remove();
    }
  }
  return seen.join('; ');
}

async function checkContent(core: string, manifest: Manifest, raw: string): Promise<string> {
  const { line, image, version, inputDigest, epoch } = manifest;
  const { distribution, release } = line;
  const partition = manifest.rootFilesystem.partition;
  const documents = await readDocuments({
    ...{ raw, partition, image, version },
    ...{ distribution, release, inputDigest, epoch },
  });
  await compareDocuments(core, documents);
  requireSealed(documents.entries);
  return `${documents.entries.length} files and ${documents.installed.length} packages as told`;
}
