import { BUILD, PLAN, PROMOTE, RUN, SIGN, VERIFY } from './chain.ts';
import { CHECK, DEPLOY, DIFF, IMPORT, REAP, REPRODUCE } from './helpers.ts';
import { SIGN_LAYERS } from './layers.ts';
import type { Command, Input } from './types.ts';

/** In the order in which the chain takes them, then the helpers. */
export const COMMANDS: readonly Command[] = [
  PLAN,
  BUILD,
  SIGN_LAYERS,
  VERIFY,
  SIGN,
  PROMOTE,
  CHECK,
  DEPLOY,
  DIFF,
  REPRODUCE,
  RUN,
  REAP,
  IMPORT,
];

/** The inputs of an action, or of a command of the command line. */
export function inputsFor(command: Command, place: 'action' | 'command-line'): readonly Input[] {
  return command.inputs.filter(input => input.only === undefined || input.only === place);
}

export function commandOfAction(action: string): Command | undefined {
  return COMMANDS.find(command => command.action === action);
}
