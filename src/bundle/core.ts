import { DISK_FORMS, FILE_FORMS, isDiskForm } from '../definition/forms.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, TrustError } from '../host/errors.ts';
import { digestFiles, type MeasuredFile, sha256Hex } from './digest.ts';
import { assertOwnFolder, listFiles } from './files.ts';
import { readManifest } from './manifest.ts';
import { corePath, isSeal } from './names.ts';
import { formatSums } from './sums.ts';
import type { DiskImage, FileDigest, ImageFile, Manifest } from './types.ts';

/** A core as its bytes are, whatever any file in it says. */
export interface MeasuredCore {
  readonly manifest: Manifest;
  /** SHA-256 of the text of SHA256SUMS, whether that file is there yet or not. */
  readonly coreDigest: string;
  /** Every file that build made, sorted by path. */
  readonly files: readonly MeasuredFile[];
}

/** The digest of a core from the digests of all files that build made. */
export function coreDigestOf(files: readonly FileDigest[]): string {
  return sha256Hex(formatSums(files, 'sha256'));
}

/**
 * The digest of a core from its bytes.
 * @param core absolute path of BUNDLE/core
 */
export async function coreDigest(context: Pick<Context, 'log' | 'signal'>, core: string): Promise<string> {
  return coreDigestOf(await digestFiles(context, core, await contentOf(core)));
}

/** Paths of all files in a core that build made. */
export async function contentOf(core: string): Promise<string[]> {
  await assertOwnFolder(core);
  return (await listFiles(core)).filter(path => !isSeal(path));
}

/**
 * Reads every byte that build made once, and compares the image files with the manifest.
 * @throws DefinitionError when it is no bundle of this format, TrustError when the manifest tells of other bytes
 */
export async function measureCore(
  context: Pick<Context, 'log' | 'signal'>,
  bundle: string,
): Promise<MeasuredCore> {
  const manifest = await readManifest(bundle);
  const core = corePath(bundle);
  const files = await digestFiles(context, core, await contentOf(core));
  checkImages(manifest, files);
  return { manifest, coreDigest: coreDigestOf(files), files };
}

/** @throws TrustError when an image file is not what the manifest tells, or is not told of */
export function checkImages(manifest: Manifest, files: readonly FileDigest[]): void {
  for (const image of manifest.files) checkImage(manifest, image, files);
  const told = new Set(manifest.files.map(image => image.path));
  const stray = files.find(file => looksLikeForm(file.path) && !told.has(file.path));
  if (stray === undefined) return;
  throw new TrustError(`core/${stray.path} is an image that manifest.json does not tell of`);
}

function looksLikeForm(path: string): boolean {
  return FILE_FORMS.some(form => path.endsWith(`.${form}`));
}

/** The files that hold the whole disk. */
export function diskImages({ files }: Pick<Manifest, 'files'>): DiskImage[] {
  return files.flatMap(({ form, ...file }) => (isDiskForm(form) ? [{ ...file, form }] : []));
}

/**
 * The file that is booted, tested and promoted: the small form when there is one, since people download it.
 * @throws DefinitionError when the bundle has none
 */
export function bootableImage(manifest: Manifest): DiskImage {
  const images = diskImages(manifest);
  const [best] = DISK_FORMS.flatMap(form => images.filter(each => each.form === form));
  if (best !== undefined) return best;
  const { image, version } = manifest;
  throw new DefinitionError(`the bundle of ${image} ${version} holds no file with its disk`, {
    advice: `it would be one of ${DISK_FORMS.join(', ')}`,
  });
}

function checkImage(manifest: Manifest, image: ImageFile, files: readonly FileDigest[]): void {
  const found = files.find(file => file.path === image.path);
  if (found === undefined)
    throw new TrustError(`core/${image.path} is not there, and manifest.json tells of it`);
  if (found.size !== image.size) {
    const way = found.size < image.size ? 'truncated' : 'longer than it was';
    throw new TrustError(
      `core/${image.path} is ${way}: it has ${found.size} bytes, and manifest.json says ${image.size}`,
      { advice: 'copy the bundle again from where it was built' },
    );
  }
  if (found.sha256 !== image.sha256 || found.sha512 !== image.sha512) {
    throw new TrustError(`core/${image.path} was changed: its digest is not the one in manifest.json`, {
      advice: 'copy the bundle again from where it was built',
    });
  }
  if (image.form === 'raw' && (image.sha256 !== manifest.diskDigest || image.size !== manifest.diskSize)) {
    throw new TrustError(`core/${image.path} is not the disk whose digest manifest.json names`);
  }
}
