import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DefinitionError } from '../host/errors.ts';
import { type Element, perElement } from './elements.ts';

const names = z.record(z.string(), z.string());

/** diskimage-builder's pkg-map: other names for packages, by release, distribution, family, or by default. */
const schema = z.object({
  release: z.record(z.string(), z.record(z.string(), names)).optional(),
  distro: z.record(z.string(), names).optional(),
  family: z.record(z.string(), names).optional(),
  default: names.optional(),
});

export interface Target {
  readonly distribution: string;
  /** The name a release has in DIB_RELEASE, e.g. `bookworm`. */
  readonly release: string;
}

const FAMILIES: Readonly<Record<string, string>> = { debian: 'debian', ubuntu: 'debian' };

/** What diskimage-builder calls the family of a distribution. */
export const familyOf = (distribution: string): string => FAMILIES[distribution] ?? distribution;

/**
 * An element's own pkg-map for one release, the most specific entry of each name; undefined where it has none.
 * @returns words by name; no word where the map leaves the package out
 */
export async function packageTable(
  element: Element,
  { distribution, release }: Target,
): Promise<ReadonlyMap<string, string> | undefined> {
  const map = await mapOf(element);
  if (map === undefined) return undefined;
  const tables = [
    map.default,
    map.family?.[familyOf(distribution)],
    map.distro?.[distribution],
    map.release?.[distribution]?.[release],
  ];
  return new Map(tables.flatMap(table => Object.entries(table ?? {})));
}

const mapOf = perElement(async ({ path }) => {
  const file = join(path, 'pkg-map');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parse(text, file);
});

/**
 * What an element's own pkg-map makes of a package's name; the name itself where there is no map or no entry.
 * @returns several names, or none: a map may leave a package out
 */
export async function packageNames(element: Element, target: Target): Promise<(name: string) => string[]> {
  const table = await packageTable(element, target);
  return name => (table?.get(name) ?? name).split(/\s+/).filter(each => each !== '');
}

function parse(text: string, file: string): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DefinitionError(`${file} is not a package map`, {
      advice: 'write JSON with release, distro, family or default, each a table of names',
      cause,
    });
  }
}
