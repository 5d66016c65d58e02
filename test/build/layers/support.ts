import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE, LayerStore } from '../../../src/build/layers/store.ts';
import { createContext } from '../../../src/host/context.ts';

/** The key of a layer that a letter stands for. */
export const layerKey = (letter: string) => letter.repeat(64);

/** Puts a layer of a few bytes into a folder of layers. @param more.secrets null: nobody has looked for them */
export async function keepLayer(
  folder: string,
  letter: string,
  {
    content = `archive ${letter}`,
    secrets = [],
  }: { content?: string; secrets?: readonly string[] | null } = {},
): Promise<void> {
  const draft = join(folder, `.draft-${letter}`);
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, ARCHIVE), content);
  const told = { key: layerKey(letter), place: 'bootstrap', bound: {}, lists: ['l'] };
  const searched = secrets === null ? {} : { secrets: [...secrets] };
  await new LayerStore(createContext(), folder).keep(draft, { ...told, ...searched });
}
