import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Inputs, inputsOf } from '../build/inputs.ts';
import { bundlePath } from '../build/prepare.ts';
import { readManifest } from '../bundle/manifest.ts';
import type { Manifest } from '../bundle/types.ts';
import type { Factory, ImageLine, StoreReference } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { imageOf, isCurrent } from '../promote/plan.ts';
import { openStore } from '../promote/stores.ts';
import type { StoredImage } from '../promote/types.ts';
import { compareVersions } from '../promote/version.ts';

/** A whole bundle of a line, that some run has made. */
export interface Build {
  readonly bundle: string;
  readonly manifest: Manifest;
}

/** The bundles of a line below an output directory, newest first, read one by one as they are asked for. */
export async function* buildsOf(output: string, line: ImageLine): AsyncGenerator<Build> {
  const folder = join(resolve(output), line.name);
  // Most of a thousand lines were never built here, and an error for each would take longer than to look.
  if (!existsSync(folder)) return;
  const suffix = `-${line.architecture}`;
  const names = (await readdir(folder).catch(() => [])).filter(
    name => /^\d/.test(name) && name.endsWith(suffix),
  );
  const versions = names
    .map(name => name.slice(0, -suffix.length))
    .sort(compareVersions)
    .reverse();
  for (const version of versions) {
    const bundle = bundlePath(resolve(output), line, version);
    const manifest = await readOrSkip(bundle);
    if (manifest !== undefined) yield { bundle, manifest };
  }
}

/** A bundle of another format version is no earlier build of ours; it stays where it is. */
async function readOrSkip(bundle: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(bundle);
  } catch (error) {
    if (error instanceof DefinitionError) return undefined;
    throw error;
  }
}

/** What the stores of a run hold: each is read once, whatever the number of lines, and as old as this object. */
export class StoreShelf {
  readonly #read = new Map<string, Promise<ReadonlyMap<string, readonly StoredImage[]>>>();

  /** All images of a line in a store. @param output directory that a relative path of the store starts from */
  async list(
    context: Context,
    reference: StoreReference,
    output: string,
    line: string,
  ): Promise<readonly StoredImage[]> {
    let reading = this.#read.get(reference.name);
    if (reading === undefined) {
      reading = imagesByLine(context, reference, output);
      this.#read.set(reference.name, reading);
    }
    return (await reading).get(line) ?? [];
  }
}

async function imagesByLine(
  context: Context,
  reference: StoreReference,
  output: string,
): Promise<Map<string, StoredImage[]>> {
  const store = await openStore(context, reference, output, { readOnly: true });
  const lines = new Map<string, StoredImage[]>();
  for (const image of await store.list()) lines.set(image.line, [...(lines.get(image.line) ?? []), image]);
  return lines;
}

interface Place {
  readonly factory: Factory;
  /** Directory that relative store paths start from. */
  readonly output: string;
  readonly line: ImageLine;
  /** Of the lines that are asked about together; default: the line's own. */
  readonly stores?: StoreShelf;
}

/** A stored image's hint of what it was made from: enough to leave a build out, never to trust the image. */
export const INPUTS_PROPERTY = 'image_factory_input_sha256';

/** Whether every store of every stage holds the version as its current one. */
export async function isPromoted(context: Context, place: Place, version: string): Promise<boolean> {
  const lists = await storedImages(context, place);
  return lists.every(images => {
    const image = imageOf(images, version);
    return image !== undefined && isCurrent(image);
  });
}

/** The version that is current in every store of every stage and was made from these inputs. */
export async function promotedFrom(
  context: Context,
  place: Place,
  inputDigest: string,
): Promise<string | undefined> {
  const lists = await storedImages(context, place);
  const current = lists.map(images => images.find(isCurrent));
  const version = current[0]?.version;
  const same = current.every(
    image => image?.version === version && image?.properties[INPUTS_PROPERTY] === inputDigest,
  );
  return same ? version : undefined;
}

/** All images of the line, by store. */
async function storedImages(
  context: Context,
  { factory, output, line, stores = new StoreShelf() }: Place,
): Promise<(readonly StoredImage[])[]> {
  const references = factory.stages.flatMap(stage => stage.stores);
  return Promise.all(references.map(each => stores.list(context, each, resolve(output), line.name)));
}

/** What a build was made from, as its manifest tells. */
export function inputsOfBuild({ line, elements, packages, toolsTree, builder }: Manifest): Inputs {
  return inputsOf({ engine: builder.engine, toolsTree, line, elements, packages });
}
