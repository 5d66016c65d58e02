import { join } from 'node:path';
import type { ImageLine } from '../../definition/types.ts';
import { asset } from '../../host/assets.ts';
import type { Context } from '../../host/context.ts';
import { places } from '../../host/places.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { removeDeadWork, withWorkDirectory } from '../../host/workdir.ts';
import { digestFolder } from '../element-files.ts';
import type { Preparation } from '../prepare.ts';
import { declaredScripts } from './declared.ts';
import type { LayerRoom } from './layers.ts';
import type { LayerPlan } from './start.ts';
import { LayerStore } from './store.ts';

/** How much layers may take, and how long one may stand that depends on more than its key. */
export interface LayerLimits {
  /** Bytes of all layers of this user. */
  readonly size: number;
  /** Milliseconds. */
  readonly age: number;
}

/**
 * Runs a build with a directory of its own beside the layers; drafts of builds that were killed go first in any case,
 * and layers beyond the limit afterwards.
 * @param limits absent: without layers
 */
export async function withLayerRoom<T>(
  context: Context,
  cache: string,
  limits: LayerLimits | undefined,
  body: (room?: LayerRoom) => Promise<T>,
): Promise<T> {
  const folder = layerFolder(cache);
  if (limits === undefined) {
    await removeDeadWork(folder, context);
    return body();
  }
  const store = new LayerStore(context, folder);
  return withWorkDirectory(context, folder, async draft => {
    try {
      return await body({ store, draft, age: limits.age });
    } finally {
      await store.evict(limits.size);
    }
  });
}

/** Of a cache folder: where its layers are. */
export function layerFolder(cache: string): string {
  return join(cache, 'layers');
}

const lineOf = ({ name, architecture }: ImageLine) => `${name} ${architecture}`;

/** The first script of a line's last build here that is open, in words; undefined when none was, or none is known. */
export async function openScript(context: Context, line: ImageLine): Promise<string | undefined> {
  const store = new LayerStore(context, layerFolder(places(context).cache));
  return (await store.noted(lineOf(line)))?.open?.by;
}

/** What a build's layers depend on. */
export async function layerPlan(
  context: Context,
  build: { preparation: Preparation; sandbox: Sandbox; work: string; room: LayerRoom },
): Promise<LayerPlan> {
  const { preparation, sandbox, work, room } = build;
  const { line, inputs, closureDigest, closure, suites, elements } = preparation;
  const { engine, toolsTree, packages } = inputs;
  const own = new Set(elements.map(each => each.name));
  return {
    ...room,
    ...{ context, sandbox, line: lineOf(line) },
    engine: { program: await programDigest(), engine, toolsTree, architecture: line.architecture },
    packages: { packages, closureDigest },
    closure,
    files: inputs.elements.filter(each => !own.has(each.name)).map(each => each.digest),
    elements: join(work, 'elements'),
    ...(line.user === undefined ? {} : { logins: line.user }),
    lists: suites.map(each => each.inReleaseSha256),
    declared: await declaredScripts(elements),
  };
}

/** Of the program itself: a layer of another one may have been made in another way, whatever its version says. */
function programDigest(): Promise<string> {
  return digestFolder(asset('dist'));
}
