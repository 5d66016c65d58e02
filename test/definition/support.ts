import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type Definition, type LoadOptions, loadDefinition } from '../../src/definition/factory.ts';
import type { ImageLine } from '../../src/definition/types.ts';
import { DefinitionError } from '../../src/host/errors.ts';

const NO_ELEMENTS: LoadOptions = { builtinElements: '/nonexistent/elements' };

/** Loads `factory.yaml` from texts by file name, as if they lay in one directory. */
export function load(text: string, others: Readonly<Record<string, string>> = {}): Promise<Definition> {
  const files = new Map(
    Object.entries({ 'factory.yaml': text, ...others }).map(([name, body]) => [
      join(process.cwd(), name),
      body,
    ]),
  );
  return loadDefinition('factory.yaml', {
    ...NO_ELEMENTS,
    readFile: async path => {
      const found = files.get(path);
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return found;
    },
  });
}

export async function line(text: string, name: string): Promise<ImageLine> {
  const { factory } = await load(text);
  const found = factory.images.find(image => image.name === name);
  if (found === undefined) throw new Error(`${name} is not among ${factory.images.map(image => image.name)}`);
  return found;
}

/** The mistakes that loading ends with, one a line. */
export async function mistakesOf(
  text: string,
  others: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  return linesOf(load(text, others));
}

export async function linesOf(loading: Promise<unknown>): Promise<string[]> {
  try {
    await loading;
  } catch (error) {
    if (error instanceof DefinitionError) return error.message.split('\n');
    throw error;
  }
  throw new Error('it was accepted');
}

const folders: string[] = [];

/** A directory that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'definition-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(folders.splice(0).map(folder => rm(folder, { recursive: true })));
});
