import { tmpdir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { DefinitionError } from '../src/host/errors.ts';
import { saveState } from '../src/runner/state.ts';
import type { Outcome } from './command.ts';
import { WORKS, type Work } from './performers.ts';
import { inSession, type Session } from './process.ts';
import { actionSource } from './values.ts';

/** The main step of an action, as GitHub's runner starts it. @param action folder of the action */
export function runAction(action: string): Promise<never> {
  return inSession({ verbose: false, out: process.stdout }, async session => {
    await main(session, workOf(action));
  });
}

function workOf(action: string): Work {
  const work = WORKS.find(({ command }) => command.action === action);
  if (work === undefined) throw new DefinitionError(`there is no action ${action}`);
  return work;
}

async function main(session: Session, work: Work): Promise<void> {
  const { world, runner, context } = session;
  const action = work.command.action ?? '';
  const prepared = work.prepare(actionSource(world.env));
  const directories = [...prepared.leftovers, ...temporaryPlaces(world.env)].map(path => resolve(path));
  const state = { action, directories: [...new Set(directories)] };
  saveState(world, state);
  const outcome = await prepared.perform(context, runner.job);
  const { caches = [] } = outcome;
  saveState(world, { ...state, caches, finished: true });
  report(session, outcome);
}

/** Tells what came out; a bad result is told before it becomes an error. */
export function report({ runner }: Session, outcome: Outcome): void {
  runner.outputs(outcome.outputs);
  runner.summary(outcome.summary);
  if (outcome.failure !== undefined) throw outcome.failure;
}

/** Where work goes when nobody said where. */
function temporaryPlaces(env: Session['world']['env']): string[] {
  return [env.RUNNER_TEMP, env.TMPDIR, tmpdir(), '/var/tmp', '/dev/shm'].filter(
    path => path !== undefined && isAbsolute(path),
  ) as string[];
}
