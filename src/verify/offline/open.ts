import { join } from 'node:path';
import { bootableImage, diskImages } from '../../bundle/core.ts';
import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { withWorkDirectory } from '../../host/workdir.ts';
import { withContent } from '../../image/content.ts';
import { asRaw, rawDigest } from '../../image/disk-file.ts';
import { mountedFilesystems, readDocuments } from '../../image/documents.ts';
import { comparePackageFiles } from '../../image/package-files.ts';
import { buildHosts } from './build-hosts.ts';
import { scanFiles } from './scan.ts';
import type { BundleUnderTest, ImageUnderTest } from './types.ts';

/**
 * Opens the image of a bundle for the checks; what several of them need is made once.
 * @throws CheckError when its file does not hold the disk of the manifest, or cannot be read
 */
export async function withImage<T>(
  context: Context,
  bundle: BundleUnderTest,
  body: (image: ImageUnderTest) => Promise<T>,
): Promise<T> {
  const { core, manifest } = bundle;
  // Raw is read as it lies there; that the file which is booted holds the same disk is for the check `images`.
  const { path, form } = diskImages(manifest).find(each => each.form === 'raw') ?? bootableImage(manifest);
  // A killed run must not leave a raw copy that looks like an image.
  return withWorkDirectory(context, bundle.work, async work => {
    const raw = await asRaw(context, { path: join(core, path), form }, manifest.diskSize, work);
    try {
      if ((await rawDigest(context, raw.path)) !== manifest.diskDigest) {
        const advice = 'build the image again';
        throw new CheckError(`${path} does not hold the disk of the manifest`, { advice });
      }
      return await withOpened(context, { ...bundle, work, opened: path, raw: raw.path }, body);
    } finally {
      await raw.remove();
    }
  });
}

type Opened = BundleUnderTest & Pick<ImageUnderTest, 'opened' | 'raw'>;

function withOpened<T>(
  context: Context,
  opened: Opened,
  body: (image: ImageUnderTest) => Promise<T>,
): Promise<T> {
  const { raw, manifest } = opened;
  const filesystems = mountedFilesystems(manifest.volumes);
  const { image, version, inputDigest, epoch } = manifest;
  const { distribution, release } = manifest.line;
  const subject = { image, version, distribution, release, inputDigest, epoch };
  return withContent(raw, filesystems, content => {
    const packageFiles = once(() => comparePackageFiles(context, content));
    return body({
      ...{ ...opened, context, content, packageFiles },
      documents: once(() => readDocuments({ raw, filesystems, ...subject })),
      scan: once(async () => scanFiles(context, content, await packageFiles(), buildHosts(manifest))),
    });
  });
}

/** What is asked for by several is made when the first asks. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
