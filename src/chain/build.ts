import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { buildImage } from '../build/build.ts';
import type { LayerLimits } from '../build/layers/room.ts';
import { type Preparation, type PrepareOptions, prepare } from '../build/prepare.ts';
import { assertVersion, withVersion } from '../build/version.ts';
import { corePath } from '../bundle/names.ts';
import type { Factory, ImageLine } from '../definition/types.ts';
import { closest } from '../definition/words.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import type { Build } from './builds.ts';
import { readDefinition } from './definition.ts';
import { tellDue, whatIsDue } from './due.ts';
import type { BuildRequest, BuildResult, BuiltBundle, LayersRequest } from './types.ts';

/**
 * Builds one image line of the factory file into a bundle, when it is due.
 * @throws DefinitionError, HostError, NetworkError, ElementError
 */
export async function build(context: Context, request: BuildRequest): Promise<BuildResult> {
  const { factory } = await readDefinition(context, request.factory);
  const line = chooseLine(factory, request.image);
  if (request.version !== undefined) assertVersion(request.version);
  await requireTools(context, TOOLS.build, { install: request.installTools, root: rootPrefix });
  const preparation = await prepareLine(context, factory, line, request.mirror);
  const due = await whatIsDue(context, { ...request, factory, line }, preparation);
  tellDue(context, line, due);
  const { reason, latest } = due;
  if (!due.build && request.version === undefined) {
    const outcome = due.state === 'unfinished' ? 'kept' : 'skipped';
    const version = latest?.manifest.version ?? due.version ?? '';
    const bundle = latest && { bundle: withFiles(latest) };
    return { outcome, reason, image: line.name, version, ...bundle };
  }
  const built = await buildPrepared(context, request, preparation);
  const { image, version } = built.manifest;
  return { outcome: 'built', reason, image, version, bundle: built };
}

/** What a build of the line would be made of, as the archive stands now. */
export function prepareLine(
  context: Context,
  factory: Factory,
  line: ImageLine,
  mirror: string | undefined,
  more: Pick<PrepareOptions, 'shared' | 'again'> = {},
): Promise<Preparation> {
  return prepare(context, {
    directory: dirname(factory.file),
    line,
    elementPaths: factory.elementPaths,
    ...(mirror === undefined ? {} : { mirror }),
    ...more,
  });
}

export async function buildPrepared(
  context: Context,
  request: Omit<BuildRequest, 'image' | 'force'>,
  preparation: Preparation,
): Promise<BuiltBundle> {
  const { line } = preparation;
  const output = resolve(request.output);
  const layers = limitsOf(request);
  await mkdir(output, { recursive: true });
  const wanted = { output, line, ...(request.version === undefined ? {} : { version: request.version }) };
  const built = await withVersion(context, wanted, reservation =>
    context.log.group(`build ${line.name} ${reservation.version}`, () =>
      buildImage(context, {
        ...reservation,
        preparation,
        ...(request.work === undefined ? {} : { work: resolve(request.work) }),
        ...(request.mirrorTimeout === undefined ? {} : { mirrorTimeout: request.mirrorTimeout }),
        ...(layers === undefined ? {} : { layers }),
        job: request.job,
      }),
    ),
  );
  return withFiles(built);
}

function withFiles({ bundle, manifest }: Build): BuiltBundle {
  const files = manifest.files.map(file => [file.form, join(corePath(bundle), file.path)]);
  return { bundle, manifest, files: Object.fromEntries(files) };
}

/** A build that proves something uses nothing of an earlier one. */
export const COLD: LayersRequest = { cold: true, layers: 0, layerAge: 0 };

function limitsOf({ cold, layers, layerAge }: LayersRequest): LayerLimits | undefined {
  return cold ? undefined : { size: layers * 1024 ** 3, age: layerAge * 3_600_000 };
}

/** The line that is named, or the only one there is. */
export function chooseLine(factory: Factory, name: string | undefined): ImageLine {
  const names = factory.images.map(each => each.name);
  const [only, ...others] = factory.images;
  if (name === undefined && only !== undefined && others.length === 0) return only;
  if (name === undefined) {
    throw new DefinitionError(`${factory.file} has several image lines`, {
      advice: `name one: ${names.join(', ')}`,
    });
  }
  const line = factory.images.find(each => each.name === name);
  if (line !== undefined) return line;
  const near = closest(name, names);
  throw new DefinitionError(`${factory.file} has no image line ${name}`, {
    advice: near === undefined ? `it has ${names.join(', ')}` : `did you mean ${near}?`,
  });
}
