import type { Context } from '../src/host/context.ts';
import { verifyPerformer } from './boot-and-verify.ts';
import { buildPerformer } from './build-image.ts';
import { checkPerformer } from './check.ts';
import type { Outcome, Performer } from './command.ts';
import { deployPerformer } from './deploy.ts';
import { diffPerformer } from './diff.ts';
import { importPerformer } from './import.ts';
import type { Command } from './inputs/types.ts';
import { planPerformer } from './plan.ts';
import { promotePerformer } from './promote.ts';
import { reapPerformer } from './reap.ts';
import { reproducePerformer } from './reproduce.ts';
import { runPerformer } from './run.ts';
import { withSecrets } from './secrets.ts';
import { signPerformer } from './sign-and-hash.ts';
import { signLayersPerformer } from './sign-layers.ts';
import { readValues, type Source } from './values.ts';

/** A command whose inputs have been read. */
export interface Prepared {
  readonly leftovers: readonly string[];
  perform(context: Context, job: string): Promise<Outcome>;
}

/** A command whose kind of values only itself knows. */
export interface Work {
  readonly command: Command;
  /** @throws DefinitionError for a wrong input */
  prepare(source: Source): Prepared;
}

/** One line per command, in the order of the chain. */
export const WORKS: readonly Work[] = [
  work(planPerformer),
  work(buildPerformer),
  work(signLayersPerformer),
  work(verifyPerformer),
  work(signPerformer),
  work(promotePerformer),
  work(checkPerformer),
  work(deployPerformer),
  work(diffPerformer),
  work(reproducePerformer),
  work(runPerformer),
  work(reapPerformer),
  work(importPerformer),
];

function work<C extends Command>(performer: Performer<C>): Work {
  return {
    command: performer.command,
    prepare(source) {
      const values = readValues(performer.command, source);
      return {
        leftovers: performer.leftovers(values),
        perform(context, job) {
          const kept = withSecrets(context, values);
          return performer.perform(kept.context, kept.values, job);
        },
      };
    },
  };
}
