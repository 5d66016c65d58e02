import type { Context } from '../src/host/context.ts';
import type { FactoryError } from '../src/host/errors.ts';
import type { CacheEntry } from '../src/runner/cache.ts';
import type { Command } from './inputs/types.ts';
import type { ValuesOf } from './values.ts';

/** What a command leaves for those who come after: later steps, a reader of the job's page, a person. */
export interface Outcome {
  /** By the names of the command's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Markdown for the job summary. */
  readonly summary: string;
  /** For standard output of the command line. */
  readonly lines: readonly string[];
  /** What the action's post is to save in the CI system's cache. */
  readonly caches?: readonly CacheEntry[];
  /** The work was done and its result is bad: outputs and summary are written first, then this is told. */
  readonly failure?: FactoryError;
}

/** One command made to work: its inputs are read, its request made, its result told. */
export interface Performer<C extends Command> {
  readonly command: C;
  /** Places in which a killed run of this command may have left work directories. */
  leftovers(values: ValuesOf<C>): readonly string[];
  /** @param job link to the CI job, or `host:PID` */
  perform(context: Context, values: ValuesOf<C>, job: string): Promise<Outcome>;
}
