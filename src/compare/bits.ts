import { readManifest } from '../bundle/manifest.ts';
import type { Manifest } from '../bundle/types.ts';
import { type InventoryFacts, readInventory } from './inventory.ts';

/** One path of the image that a second build made otherwise. */
export interface EntryDifference {
  readonly path: string;
  /** Names of what differs, as the inventory calls it: `sha256`, `mtime`, `mode`; `absent` and `new` stand for all. */
  readonly facts: readonly string[];
  /** Absent where it is not known. */
  readonly reason?: string;
}

/** Two builds that should be the same, the first one first. */
export interface BitDifference {
  readonly identical: boolean;
  /** Names of image files whose bytes differ, or that only one of the two has. */
  readonly images: readonly string[];
  /** Entries of the image that differ; empty although images differ: the difference lies beside the files. */
  readonly entries: readonly EntryDifference[];
}

/**
 * Compares two bundles bit by bit by the digests in their manifests, and says where they differ by their inventories.
 * @throws DefinitionError when one of them is no bundle
 */
export async function compareBits(first: string, second: string): Promise<BitDifference> {
  const images = differentImages(await readManifest(first), await readManifest(second));
  if (images.length === 0) return { identical: true, images, entries: [] };
  return {
    identical: false,
    images,
    entries: differentEntries(await readInventory(first), await readInventory(second)),
  };
}

function differentImages(first: Manifest, second: Manifest): string[] {
  const digests = ({ files }: Manifest) => new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const [had, has] = [digests(first), digests(second)];
  const paths = new Set([...had.keys(), ...has.keys()]);
  return [...paths].filter(path => had.get(path) !== has.get(path)).sort();
}

/** Facts that follow from where a file lies, and are no difference of their own. */
const PLACE = new Set(['hardLink']);

export function differentEntries(
  first: ReadonlyMap<string, InventoryFacts>,
  second: ReadonlyMap<string, InventoryFacts>,
): EntryDifference[] {
  return [...new Set([...first.keys(), ...second.keys()])].sort().flatMap(path => {
    const facts = differentFacts(first.get(path), second.get(path));
    if (facts.length === 0) return [];
    const onlyTime = facts.every(fact => fact === 'mtime');
    return [{ path, facts, ...(onlyTime ? { reason: 'only its time differs' } : {}) }];
  });
}

function differentFacts(had: InventoryFacts | undefined, has: InventoryFacts | undefined): string[] {
  if (had === undefined) return ['new'];
  if (has === undefined) return ['absent'];
  const names = new Set([...Object.keys(had), ...Object.keys(has)]);
  return [...names]
    .filter(name => !PLACE.has(name) && JSON.stringify(had[name]) !== JSON.stringify(has[name]))
    .sort();
}
