import { matrix } from '../definition/matrix.ts';
import type { Context } from '../host/context.ts';
import { readDefinition } from './definition.ts';
import type { PlanRequest, PlanResult } from './types.ts';

/**
 * Turns the factory file into a CI matrix.
 * @throws DefinitionError for a wrong file or an image line that is not there
 */
export async function plan(context: Context, request: PlanRequest): Promise<PlanResult> {
  const { factory } = await readDefinition(context, request.factory);
  return { factory, matrices: matrix(factory, request.images) };
}
