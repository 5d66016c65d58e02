import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../bundle/digest.ts';
import { byBytes, openRegular, readBytes } from '../../bundle/files.ts';
import { parseJson } from '../../bundle/json.ts';
import { LAYER_LIST, type ListedLayer } from '../../bundle/layer-list.ts';
import { SIGNATURE } from '../../bundle/names.ts';
import type { Context } from '../../host/context.ts';
import { clean } from '../../host/log.ts';
import { withWorkDirectory } from '../../host/workdir.ts';
import type { Told } from './archives.ts';
import { layerFolder } from './room.ts';
import { ARCHIVE, digestOf, LayerStore, layerRecord, RECORD } from './store.ts';

/** A folder of layers on its way between hosts, and the cache folder of this user. */
export interface Parcel {
  readonly folder: string;
  readonly cache: string;
}

/**
 * Puts layers into a folder that may go to other hosts; one with secrets in it, or not searched for them, stays here.
 * @param since those that were made or used since then
 * @returns the same for the same layers; undefined for none
 */
export async function packLayers(
  context: Context,
  { cache, folder, since }: Parcel & { since: Date },
): Promise<string | undefined> {
  await emptyParcel(folder);
  const keys: string[] = [];
  for (const layer of await new LayerStore(context, layerFolder(cache)).usedSince(since)) {
    if (layer.secrets === undefined) continue;
    const [secret] = layer.secrets;
    if (secret !== undefined) {
      context.log.warn(`the layer after ${layer.place} is not shared: /${clean(secret)} is in it`);
      continue;
    }
    const own = join(folder, layer.key);
    await mkdir(own, { recursive: true });
    for (const name of [ARCHIVE, RECORD]) await linkOrCopy(join(layer.directory, name), join(own, name));
    keys.push(layer.key);
  }
  return keys.length === 0 ? undefined : sha256Hex(keys.sort().join('\n'));
}

/** Removes layers and their list from a folder; whatever else is there stays, since a person may have named it. */
export async function emptyParcel(folder: string): Promise<void> {
  const names = [...(await keysIn(folder)), LAYER_LIST, `${LAYER_LIST}${SIGNATURE}`];
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
}

/**
 * Takes over the layers of such a folder that are whole. What they hold is as trustworthy as whoever filled it.
 * @param listed those alone, and with these bytes; absent: any
 */
export async function unpackLayers(
  context: Context,
  { cache, folder }: Parcel,
  listed?: readonly ListedLayer[],
): Promise<number> {
  const keys = await keysIn(folder);
  const store = new LayerStore(context, layerFolder(cache));
  let count = 0;
  await withWorkDirectory(context, layerFolder(cache), async work => {
    for (const key of keys) {
      try {
        await takeOver(store, { shared: join(folder, key), draft: join(work, key), key, listed });
        count++;
      } catch (error) {
        context.log.warn(`a shared layer is left out: ${clean((error as Error).message)}`);
      }
    }
  });
  return count;
}

/**
 * All layers of such a folder by their bytes, each of them whole; a folder that is not there has none.
 * @throws Error for the first that is not
 */
export async function measureLayers(folder: string): Promise<ListedLayer[]> {
  const found: ListedLayer[] = [];
  for (const key of await keysIn(folder)) {
    const { listed } = await readLayer(key, join(folder, key, RECORD), join(folder, key, ARCHIVE));
    found.push(listed);
  }
  return found;
}

const KEY = /^[0-9a-f]{64}$/;

async function keysIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter(name => KEY.test(name)).sort(byBytes);
}

interface Taken {
  readonly shared: string;
  /** Made here, and gone when it was taken over. */
  readonly draft: string;
  readonly key: string;
  readonly listed: readonly ListedLayer[] | undefined;
}

async function takeOver(store: LayerStore, { shared, draft, key, listed }: Taken): Promise<void> {
  await mkdir(draft);
  const archive = join(draft, ARCHIVE);
  await linkOrCopy(join(shared, ARCHIVE), archive);
  const found = await readLayer(key, join(shared, RECORD), archive);
  if (listed !== undefined && !listed.some(each => isSame(each, found.listed)))
    throw new Error('nobody has signed its bytes');
  await store.keep(draft, found.told);
}

function isSame(a: ListedLayer, b: ListedLayer): boolean {
  return a.key === b.key && a.record === b.record && a.archive === b.archive;
}

/** @throws Error when its bytes are not those that its record tells of */
async function readLayer(
  key: string,
  record: string,
  archive: string,
): Promise<{ listed: ListedLayer; told: Told }> {
  const bytes = await readBytes(record);
  const whole = layerRecord.parse(parseJson(bytes.toString('utf8'), RECORD));
  const { sha256, size, formatVersion: _version, ...told } = whole;
  const found = await digestOf(archive);
  if (told.key !== key || found.sha256 !== sha256 || found.size !== size)
    throw new Error('its bytes are not those of its record');
  return { listed: { key, record: sha256Hex(bytes), archive: sha256 }, told };
}

/** @throws TrustError for what is no plain file: a pipe would hold a copy for ever */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await (await openRegular(from)).close();
  await link(from, to).catch(() => copyFile(from, to));
}
