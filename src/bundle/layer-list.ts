import { z } from 'zod';
import { parseJson, writeJson } from './json.ts';
import { checkFormatVersion, checkShape, sha256, timestamp } from './manifest.ts';
import { FORMAT_VERSION } from './types.ts';

/** Name of the list in a folder of layers; its signature is beside it. */
export const LAYER_LIST = 'layers.json';

/** A key may sign other things too; this says what is meant. */
const PURPOSE = 'image-factory: layers that a release may be built from';

const layer = z.strictObject({
  /** Of what the layer was made from; also the name of its folder. */
  key: sha256,
  /** SHA-256 of its record. */
  record: sha256,
  /** SHA-256 of its archive. */
  archive: sha256,
});

const layerList = z.strictObject({
  purpose: z.literal(PURPOSE),
  formatVersion: z.literal(FORMAT_VERSION),
  signedAt: timestamp,
  /** Link to the CI job that signed. */
  job: z.string().max(4096),
  layers: z.array(layer).readonly(),
});

/** One layer by all its bytes. */
export type ListedLayer = Readonly<z.infer<typeof layer>>;

export type LayerList = Readonly<z.infer<typeof layerList>>;

/** The text of a list, as it is signed. */
export function writeLayerList(list: Pick<LayerList, 'signedAt' | 'job' | 'layers'>): string {
  return writeJson({ purpose: PURPOSE, formatVersion: FORMAT_VERSION, ...list });
}

/** @throws DefinitionError for a text that says another thing, or one that this version cannot read */
export function parseLayerList(text: string): LayerList {
  const value = parseJson(text, LAYER_LIST);
  checkFormatVersion(value, LAYER_LIST);
  return checkShape<LayerList>(layerList, value, LAYER_LIST);
}
