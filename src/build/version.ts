import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import { DefinitionError } from '../host/errors.ts';

const FORM = /^\d{8}\.[1-9]\d*$/;

/** `20261121.1`: the day in UTC, then the build of that day. @throws DefinitionError for another form */
export function assertVersion(version: string): void {
  if (FORM.test(version)) return;
  throw new DefinitionError(`${version} is not a version`, {
    advice: 'write YYYYMMDD.N, for example 20261121.1',
  });
}

/** The first version of today that no bundle of the line has. */
export async function nextVersion(output: string, line: ImageLine, today: Date): Promise<string> {
  const day = today.toISOString().slice(0, 10).replaceAll('-', '');
  const names = await readdir(join(output, line.name)).catch(() => []);
  const taken = names.map(name => new RegExp(`^${day}\\.(\\d+)-`).exec(name)?.[1]).map(Number);
  return `${day}.${Math.max(0, ...taken.filter(Number.isInteger)) + 1}`;
}
