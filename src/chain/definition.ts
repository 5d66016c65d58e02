import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { explain as explainLine } from '../definition/explain.ts';
import { type Definition, loadDefinition } from '../definition/factory.ts';
import type { AllowList, Factory, ImageLine, Quarantine } from '../definition/types.ts';
import { asset } from '../host/assets.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { type Logins, NO_LOGINS } from '../image/logins.ts';
import { diskPlan } from '../image/plan.ts';

/** The factory file that is meant: the one named, else `factory.yaml` here, else the repository's example. */
export function factoryFile(context: Context, factory: string | undefined): string {
  if (factory !== undefined) return resolve(factory);
  const here = resolve('factory.yaml');
  if (existsSync(here)) return here;
  context.log.info('there is no factory.yaml here: using the example that comes with image-factory');
  return asset('examples', 'debian', 'factory.yaml');
}

/** Where distributions' packages of diskimage-builder put its elements. */
const DIB_ELEMENTS = '/usr/lib/python3/dist-packages/diskimage_builder/elements';

/** @throws DefinitionError with every mistake of the file, or the first disk that cannot be made */
export async function readDefinition(context: Context, factory: string | undefined): Promise<Definition> {
  const definition = await loadDefinition(factoryFile(context, factory), {
    builtinElements: asset('elements'),
    moreElements: existsSync(DIB_ELEMENTS) ? [DIB_ELEMENTS] : [],
  });
  definition.factory.images.forEach(requireDisk);
  return definition;
}

/** Told at once, and not by a build that has begun. */
function requireDisk({ name, disk }: ImageLine): void {
  try {
    diskPlan(disk);
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    const { advice } = error;
    throw new DefinitionError(`disk of ${name}: ${error.message}`, {
      ...(advice && { advice }),
      cause: error,
    });
  }
}

/**
 * The image line of this factory file. What a bundle's manifest tells of its line is the build host's word,
 * and says nothing about which checks it has to pass.
 * @throws DefinitionError when the factory file has no such line
 */
export function lineOf(factory: Factory, image: string): ImageLine {
  const line = factory.images.find(each => each.name === image);
  if (line !== undefined) return line;
  throw new DefinitionError(`${factory.file} has no image ${JSON.stringify(image)}`, {
    advice: `it has ${factory.images.map(each => each.name).join(', ')}`,
  });
}

/** Who may log in to an image by this factory file; nobody where it has no such line. */
export function loginsOf(factory: Factory, image: string): Logins {
  return factory.images.find(each => each.name === image)?.user ?? NO_LOGINS;
}

/** The checks of an image that are in quarantine by this factory file. */
export function quarantineOf(factory: Factory, image: string): Readonly<Record<string, Quarantine>> {
  return factory.images.find(each => each.name === image)?.verify.quarantine ?? {};
}

/** The findings in an image that this factory file takes as they are, by the name of a check. */
export function allowedIn(factory: Factory, image: string): AllowList {
  return factory.images.find(each => each.name === image)?.verify.allow ?? {};
}

/** Folders of the user's own checks of an image, relative to this factory file: in a store those of its stage. */
export function ownFolders(factory: Factory, image: string, place: string): readonly string[] {
  const stage = factory.stages.find(({ stores }) => stores.some(({ name }) => name === place));
  if (stage !== undefined) return stage.own ?? [];
  return factory.images.find(each => each.name === image)?.verify.own ?? [];
}

/** Every resolved value of an image line with the place it came from, one a line. */
export async function explain(
  context: Context,
  request: { factory?: string; image: string },
): Promise<string[]> {
  return explainLine(await readDefinition(context, request.factory), request.image);
}
