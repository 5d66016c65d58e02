import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { DefinitionError } from '../../host/errors.ts';
import { readTree, type Table } from './tree.ts';

/** The three files, and the variable that names each. */
const FILES = {
  clouds: 'OS_CLIENT_CONFIG_FILE',
  secure: 'OS_CLIENT_SECURE_FILE',
  'clouds-public': 'OS_CLIENT_VENDOR_FILE',
} as const;

export interface ConfigFile {
  readonly path: string;
  readonly content: Table;
}

/** The folders in which OpenStack's clients look, in their order. */
export function searchPath(env: Context['env'], directory: string): string[] {
  const home = env.HOME || homedir();
  const user = env.XDG_CONFIG_HOME;
  return [
    directory,
    ...(user !== undefined && isAbsolute(user) ? [join(user, 'openstack')] : []),
    join(home, '.config', 'openstack'),
    '/etc/xdg/openstack',
    '/etc/openstack',
  ];
}

/**
 * The first of the files with this name; one that a variable names must be there.
 * @param directory stands for the current one
 * @throws DefinitionError when it cannot be read
 */
export async function findConfigFile(
  env: Context['env'],
  directory: string,
  name: keyof typeof FILES,
): Promise<ConfigFile | undefined> {
  const variable = FILES[name];
  const told = env[variable];
  if (told) {
    const content = await readIfThere(told);
    if (content === undefined) throw new DefinitionError(`${variable} names ${told}, which is not there`);
    return { path: told, content };
  }
  for (const folder of searchPath(env, directory)) {
    for (const ending of ['yaml', 'yml', 'json']) {
      const path = join(folder, `${name}.${ending}`);
      const content = await readIfThere(path);
      if (content !== undefined) return { path, content };
    }
  }
  return undefined;
}

async function readIfThere(path: string): Promise<Table | undefined> {
  try {
    return readTree(await readFile(path, 'utf8'), path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === undefined) throw error;
    throw new DefinitionError(`cannot read ${path} (${code})`, { cause: error });
  }
}
