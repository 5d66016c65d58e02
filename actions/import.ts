import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import type { Context } from '../src/host/context.ts';
import { DefinitionError } from '../src/host/errors.ts';
import { importDib } from '../src/import/dib/import.ts';
import type { Performer } from './command.ts';
import { IMPORT } from './inputs/helpers.ts';

export const importPerformer: Performer<typeof IMPORT> = {
  command: IMPORT,
  leftovers: () => [],
  async perform(context, { command, envFile }) {
    const environment = envFile === undefined ? context.env : await readEnvironment(envFile);
    const { text, notes } = importDib(command, environment, { all: envFile !== undefined });
    tell(context, notes.length);
    return { outputs: {}, summary: '', lines: [text.trimEnd()] };
  },
};

async function readEnvironment(path: string): Promise<NodeJS.Dict<string>> {
  const text = await readFile(path, 'utf8').catch(cause => {
    throw new DefinitionError(`${path} cannot be read`, { advice: 'a file of NAME=value lines', cause });
  });
  return parseEnv(text);
}

function tell({ log }: Context, count: number): void {
  if (count > 0) log.info(`${count} settings were not carried over: see the comments of the file`);
}
