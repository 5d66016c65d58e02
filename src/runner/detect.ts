import { createGitHubRunner } from './github.ts';
import { createGitLabRunner } from './gitlab.ts';
import { createTerminalRunner } from './terminal.ts';
import type { Environment, Runner, RunnerWorld } from './types.ts';

const RUNNERS: Readonly<Record<Runner['kind'], (world: RunnerWorld) => Runner>> = {
  github: createGitHubRunner,
  gitlab: createGitLabRunner,
  terminal: createTerminalRunner,
};

/** Which CI system's word stands in the environment; none: a terminal. */
export function detectRunner(env: Environment): Runner['kind'] {
  if (env.GITHUB_ACTIONS === 'true') return 'github';
  if (env.GITLAB_CI === 'true') return 'gitlab';
  return 'terminal';
}

export function createRunner(world: RunnerWorld): Runner {
  return RUNNERS[detectRunner(world.env)](world);
}
