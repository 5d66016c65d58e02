import { withContent } from '../../image/content.ts';
import { mountedFilesystems, readDocuments } from '../../image/documents.ts';
import { comparePackageFiles } from '../../image/package-files.ts';
import { buildHosts } from './build-hosts.ts';
import { scanFiles } from './scan.ts';
import type { ImageUnderTest } from './types.ts';

type Named = Omit<ImageUnderTest, 'content' | 'documents' | 'packageFiles' | 'scan'>;

/** Opens an image for the checks; what several of them need is made once. */
export async function withImage<T>(named: Named, body: (image: ImageUnderTest) => Promise<T>): Promise<T> {
  const { context, raw, manifest } = named;
  const filesystems = mountedFilesystems(manifest.volumes);
  const { image, version, inputDigest, epoch } = manifest;
  const { distribution, release } = manifest.line;
  const subject = { image, version, distribution, release, inputDigest, epoch };
  return withContent(raw, filesystems, content => {
    const packageFiles = once(() => comparePackageFiles(context, content));
    return body({
      ...named,
      content,
      documents: once(() => readDocuments({ raw, filesystems, ...subject })),
      packageFiles,
      scan: once(async () => scanFiles(context, content, await packageFiles(), buildHosts(manifest))),
    });
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
