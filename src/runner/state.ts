import { z } from 'zod';
import { appendTo, fileCommand } from './github.ts';
import type { Environment, RunnerWorld } from './types.ts';

/** All that an action's main hands to its post. It is saved before the work begins: main may be killed. */
export interface State {
  /** `build-image`, ... */
  readonly action: string;
  /** Absolute paths under which work directories may have been left. */
  readonly directories: readonly string[];
  /** What is to be cached, and under which key. */
  readonly caches?: readonly { readonly directory: string; readonly key: string; readonly hit: boolean }[];
  /** Main came to its end, well or not, and cleaned up after itself. */
  readonly finished?: boolean;
}

const NAME = 'image_factory';

const schema = z.object({
  action: z.string(),
  directories: z.array(z.string()),
  caches: z.array(z.object({ directory: z.string(), key: z.string(), hit: z.boolean() })).optional(),
  finished: z.boolean().optional(),
});

/** The last call wins. */
export function saveState(world: Pick<RunnerWorld, 'env' | 'random'>, state: State): void {
  appendTo(world.env.GITHUB_STATE, fileCommand(world, NAME, JSON.stringify(state)));
}

/** @returns undefined when main saved nothing, or something that is not ours */
export function loadState(env: Environment): State | undefined {
  const text = env[`STATE_${NAME}`];
  if (text === undefined || text === '') return undefined;
  try {
    const { caches, finished, ...rest } = schema.parse(JSON.parse(text));
    return { ...rest, ...(caches && { caches }), ...(finished !== undefined && { finished }) };
  } catch {
    return undefined;
  }
}
