import { describeChange } from '../build/inputs.ts';
import { openScript } from '../build/layers/room.ts';
import { Shared } from '../build/shared.ts';
import { matrix } from '../definition/matrix.ts';
import type { Factory, ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { prepareLine } from './build.ts';
import { StoreShelf } from './builds.ts';
import { readDefinition } from './definition.ts';
import { whatIsDue } from './due.ts';
import type { PlannedLine, PlanRequest, PlanResult } from './types.ts';

/**
 * Turns the factory file into a CI matrix; with `changed`, of the lines that are due.
 * @throws DefinitionError for a wrong file or an image line that is not there, NetworkError
 */
export async function plan(context: Context, request: PlanRequest): Promise<PlanResult> {
  const { factory } = await readDefinition(context, request.factory);
  const matrices = matrix(factory, request.images);
  if (!request.changed) return { factory, matrices, due: [] };
  const named = (line: ImageLine) => request.images.length === 0 || request.images.includes(line.name);
  const shared = new Shared(context);
  const stores = new StoreShelf();
  const due: PlannedLine[] = [];
  for (const line of factory.images.filter(named)) {
    due.push(await planLine(context, { request, factory, line, shared, stores }));
  }
  const isDue = (name: string, architecture: string) =>
    due.some(each => each.due && each.image === name && each.architecture === architecture);
  const images = factory.images.filter(({ name, architecture }) => isDue(name, architecture));
  return { factory, matrices: matrix({ ...factory, images }), due };
}

interface LinePlan {
  readonly request: PlanRequest;
  readonly factory: Factory;
  readonly line: ImageLine;
  readonly shared: Shared;
  readonly stores: StoreShelf;
}

async function planLine(
  context: Context,
  { request, factory, line, shared, stores }: LinePlan,
): Promise<PlannedLine> {
  const preparation = await prepareLine(context, factory, line, request.mirror, { shared });
  const { state, build, reason, changes } = await whatIsDue(
    context,
    { ...request, factory, line, stores },
    preparation,
  );
  const open = await openScript(context, line);
  return {
    image: line.name,
    architecture: line.architecture,
    due: build || state === 'unfinished',
    reason,
    changes: changes.map(describeChange),
    ...(open === undefined ? {} : { open }),
  };
}
