import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '../bundle/json.ts';
import { corePath } from '../bundle/names.ts';
import { DOCUMENTS } from '../image/documents.ts';

/** What the inventory of a bundle says of one path: type, mode, owner, content and so on. */
export type InventoryFacts = Readonly<Record<string, unknown>>;

/** The inventory of a bundle, by path. */
export async function readInventory(bundle: string): Promise<Map<string, InventoryFacts>> {
  const file = join(corePath(bundle), DOCUMENTS.inventory);
  const lines = (await readFile(file, 'utf8')).split('\n').slice(1);
  return new Map(
    lines
      .filter(line => line !== '')
      .map(line => {
        const { path, ...facts } = parseJson(line, file) as Record<string, unknown>;
        return [String(path), facts];
      }),
  );
}
