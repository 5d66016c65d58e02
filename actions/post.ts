import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
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
    if (state.finished !== true) return;
    for (const entry of state.caches ?? []) await saveCache(context, entry);
  });
}

/** Removes work directories whose process is dead; one that cannot be removed does not keep the others. */
export async function cleanUp(context: Context, state: State): Promise<void> {
  const directories = await Promise.all(state.directories.map(withFolders));
  for (const directory of new Set(directories.flat())) {
    try {
      const removed = await removeDeadWork(directory, context);
      for (const name of removed) context.log.info(`removed ${directory}/${name}, left by ${state.action}`);
    } catch (error) {
      context.log.warn(`could not clean up ${directory}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** A directory and the folders in it: a build works beside its bundle, in OUTPUT/IMAGE. */
async function withFolders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter(entry => entry.isDirectory() && !entry.name.startsWith('.'));
  return [directory, ...folders.map(entry => join(directory, entry.name))];
}
