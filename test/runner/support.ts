import { createRunner } from '../../src/runner/detect.ts';
import type { Environment, Runner, RunnerWorld } from '../../src/runner/types.ts';

export interface Stage {
  readonly runner: Runner;
  /** All that was written so far. */
  written(): string;
  /** The clock moves only by this, milliseconds. */
  pass(milliseconds: number): void;
}

/** A runner whose clock and output are in the test's hands. */
export function stage(env: Environment, options: { tty?: boolean; verbose?: boolean } = {}): Stage {
  let text = '';
  let time = Date.UTC(2026, 10, 21);
  let drawn = 0;
  const world: RunnerWorld = {
    env,
    out: {
      write: (chunk: string) => {
        text += chunk;
      },
      isTTY: options.tty === true,
      columns: 80,
    },
    now: () => new Date(time),
    random: bytes => {
      drawn += 1;
      return Buffer.alloc(bytes, drawn);
    },
    host: 'builder',
    pid: 42,
    verbose: options.verbose === true,
  };
  return {
    runner: createRunner(world),
    written: () => text,
    pass: milliseconds => {
      time += milliseconds;
    },
  };
}

export const PLATFORMS = {
  github: { GITHUB_ACTIONS: 'true' },
  gitlab: { GITLAB_CI: 'true' },
  terminal: {},
} as const;
