import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Form } from '../definition/forms.ts';
import type { ImageLine } from '../definition/types.ts';
import { availableMemory, type RoomNeed } from '../host/room.ts';
import { CONVERTERS } from '../image/forms/index.ts';
import type { LayerLimits } from './layers/room.ts';
import type { Preparation } from './prepare.ts';
import { isInMemory } from './workshop.ts';

const MIB = 1024 ** 2;

/** Made in the tree beside the packages' own files: an initramfs, caches of dpkg and apt, what elements bring. */
const BESIDE = 300 * MIB;

/** Documents, logs and sums of a bundle. */
const DOCUMENTS = 40 * MIB;

/** The tools tree and what is downloaded for it. */
const TOOLS = 400 * MIB;

/** Of a tree's bytes: as much as two layers take, compressed; a build that starts from one leaves less. */
const LAYERS = 0.5;

export interface BuildPlaces {
  /** Where the bundle grows. */
  readonly results: string;
  readonly work: string;
  readonly cache: string;
  /** The shared downloads in it. */
  readonly downloads: string;
  /** The tools tree, which may not be there yet. */
  readonly tools: string;
}

/**
 * What a build will put where, estimated from its packages: the tree's files once in the raw disk, which is made
 * whatever is asked for, and once in every other form, in most of them compressed to less.
 * @param layers absent: none are left
 */
export async function roomNeeds(
  {
    installed,
    download,
    line,
  }: Pick<Preparation, 'installed' | 'download'> & { line: Pick<ImageLine, 'forms'> },
  places: BuildPlaces,
  layers?: Pick<LayerLimits, 'size'>,
): Promise<RoomNeed[]> {
  const tree = installed + BESIDE;
  const forms: readonly Form[] = [...new Set<Form>(['raw', ...line.forms])];
  const share = forms.reduce((all, form) => all + CONVERTERS[form].share, 0);
  const missing = Math.max(0, download - (await sizeOf(join(places.downloads, 'archives'))));
  const tools = (await stat(places.tools).catch(() => undefined)) === undefined ? TOOLS : 0;
  return [
    { directory: places.results, bytes: Math.ceil(tree * share) + DOCUMENTS, what: 'the bundle' },
    { directory: places.work, bytes: isInMemory(await availableMemory()) ? 0 : tree, what: 'the root tree' },
    { directory: places.cache, bytes: missing + tools, what: 'downloads and tools' },
    ...(layers
      ? [{ directory: places.cache, bytes: Math.ceil(Math.min(layers.size, tree * LAYERS)), what: 'layers' }]
      : []),
  ];
}

/** Bytes of the files in a folder; what cannot be read counts for nothing. */
async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map(async name => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((all, each) => all + each, 0);
}
