import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { explain as explainLine } from '../definition/explain.ts';
import { type Definition, loadDefinition } from '../definition/factory.ts';
import { asset } from '../host/assets.ts';
import type { Context } from '../host/context.ts';

/** The factory file that is meant: the one named, else `factory.yaml` here, else the repository's example. */
export function factoryFile(context: Context, factory: string | undefined): string {
  if (factory !== undefined) return resolve(factory);
  const here = resolve('factory.yaml');
  if (existsSync(here)) return here;
  context.log.info('there is no factory.yaml here: using the example that comes with image-factory');
  return asset('examples', 'debian', 'factory.yaml');
}

/** @throws DefinitionError with every mistake of the file */
export async function readDefinition(context: Context, factory: string | undefined): Promise<Definition> {
  return loadDefinition(factoryFile(context, factory), { builtinElements: asset('elements') });
}

/** Every resolved value of an image line with the place it came from, one a line. */
export async function explain(
  context: Context,
  request: { factory?: string; image: string },
): Promise<string[]> {
  return explainLine(await readDefinition(context, request.factory), request.image);
}
