import { copyFile, link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sha256Hex } from '../../bundle/digest.ts';
import type { Context } from '../../host/context.ts';
import { clean } from '../../host/log.ts';
import { withWorkDirectory } from '../../host/workdir.ts';
import { layerFolder } from './room.ts';
import { ARCHIVE, digestOf, LayerStore, layerRecord, RECORD } from './store.ts';

/**
 * Puts layers into a folder that may go to other hosts; one with secrets in it, or not searched for them, stays here.
 * @param cache of this user
 * @param since those that were made or used since then
 * @returns the same for the same layers; undefined for none
 */
export async function packLayers(
  context: Context,
  { cache, folder, since }: { cache: string; folder: string; since: Date },
): Promise<string | undefined> {
  await rm(folder, { recursive: true, force: true });
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

/** Takes over the layers of such a folder that are whole. What they hold is as trustworthy as whoever filled it. */
export async function unpackLayers(
  context: Context,
  { cache, folder }: { cache: string; folder: string },
): Promise<number> {
  const names = (await readdir(folder).catch(() => [])).filter(name => KEY.test(name));
  const store = new LayerStore(context, layerFolder(cache));
  let count = 0;
  await withWorkDirectory(context, layerFolder(cache), async work => {
    for (const name of names) {
      try {
        await takeOver(store, join(folder, name), join(work, name));
        count++;
      } catch (error) {
        context.log.warn(`a shared layer is damaged, and left out: ${clean((error as Error).message)}`);
      }
    }
  });
  return count;
}

const KEY = /^[0-9a-f]{64}$/;

async function takeOver(store: LayerStore, shared: string, draft: string): Promise<void> {
  const {
    sha256,
    size,
    formatVersion: _version,
    ...told
  } = layerRecord.parse(JSON.parse(await readFile(join(shared, RECORD), 'utf8')));
  await mkdir(draft);
  await linkOrCopy(join(shared, ARCHIVE), join(draft, ARCHIVE));
  const found = await digestOf(join(draft, ARCHIVE));
  if (told.key !== basename(draft) || found.sha256 !== sha256 || found.size !== size)
    throw new Error('its bytes are not those of its record');
  await store.keep(draft, told);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}
