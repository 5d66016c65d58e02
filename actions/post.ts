import type { Context } from '../src/host/context.ts';
import { removeDeadWork } from '../src/host/workdir.ts';
import { saveCache } from '../src/runner/cache.ts';
import { loadState, type State } from '../src/runner/state.ts';
import { inSession } from './process.ts';

/** The post step of every action: removes what a cancelled or killed main left behind. */
export function runPost(): Promise<never> {
  return inSession({ verbose: false, out: process.stdout }, async ({ world, context }) => {
    const state = loadState(world.env);
    if (state === undefined) return;
    await cleanUp(context, state);
    if (state.cache !== undefined && state.finished === true) await saveCache(context, state.cache);
  });
}

/** Removes work directories whose process is dead; one that cannot be removed does not keep the others. */
export async function cleanUp(context: Context, state: State): Promise<void> {
  for (const directory of state.directories) {
    try {
      const removed = await removeDeadWork(directory, context);
      for (const name of removed) context.log.info(`removed ${directory}/${name}, left by ${state.action}`);
    } catch (error) {
      context.log.warn(`could not clean up ${directory}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
