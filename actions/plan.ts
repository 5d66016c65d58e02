import { explain } from '../src/chain/definition.ts';
import { plan } from '../src/chain/plan.ts';
import type { PlanResult } from '../src/chain/types.ts';
import type { Performer } from './command.ts';
import { PLAN } from './inputs/chain.ts';
import { planSummary } from './summaries.ts';

export const planPerformer: Performer<typeof PLAN> = {
  command: PLAN,
  leftovers: () => [],
  async perform(context, { explain: image, json, ...request }) {
    const result = await plan(context, request);
    const outcome = { outputs: outputsOf(result), summary: planSummary(result) };
    if (image !== undefined) return { ...outcome, lines: await explain(context, { ...request, image }) };
    if (json) return { ...outcome, lines: [JSON.stringify(result.matrices, null, 2)] };
    return {
      ...outcome,
      lines: [
        ...legsOf(result).map(leg => `${leg.image} ${leg.architecture} on ${leg.runner}`),
        ...reasons(result),
      ],
    };
  },
};

function outputsOf(result: PlanResult) {
  return {
    matrix: JSON.stringify(result.matrices[0] ?? { include: [] }),
    matrices: JSON.stringify(result.matrices),
    count: String(legsOf(result).length),
    due: JSON.stringify(result.due),
  };
}

function reasons({ due }: PlanResult): string[] {
  return due.flatMap(({ image, due: isDue, reason, changes, open }) => [
    `${image} ${isDue ? 'is due' : 'is left out'}: ${reason}`,
    ...changes.map(change => `  ${change}`),
    ...(open === undefined
      ? []
      : [`  ${open} is open: it and all after it is used again for --layer-age only`]),
  ]);
}

function legsOf(result: PlanResult) {
  return result.matrices.flatMap(({ include }) => include);
}
