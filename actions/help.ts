import type { Command } from './inputs/types.ts';

const STATUSES: readonly (readonly [number, string])[] = [
  [0, 'done'],
  [1, 'a bug of ours'],
  [2, 'wrong input or factory file'],
  [3, 'this host cannot do it: a tool, root or room is missing'],
  [4, 'a mirror or the network failed'],
  [5, 'an element failed'],
  [6, 'a check failed'],
  [7, 'a signature, digest or policy forbids it'],
  [8, "a cloud's API refused or failed"],
  [130, 'cancelled'],
];

/** What follows the options in the help of one command. */
export function helpAfter(command: Command): string {
  const examples = command.examples.map(example => `  image-factory ${example}`);
  return `\nExamples:\n${examples.join('\n')}\n\n${statuses()}`;
}

/** What follows the list of commands. */
export function helpOfAll(): string {
  return `
The chain, step by step; \`run\` does all of it:
  image-factory build debian-12          -> a bundle, whose path is printed
  image-factory verify BUNDLE            -> a verdict in the bundle
  image-factory sign BUNDLE
  image-factory promote BUNDLE --stage staging
  image-factory promote BUNDLE --stage production

${statuses()}`;
}

function statuses(): string {
  return `Exit status:\n${STATUSES.map(([status, meaning]) => `  ${String(status).padEnd(4)} ${meaning}`).join('\n')}\n`;
}
