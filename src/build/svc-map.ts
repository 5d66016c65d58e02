import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { DefinitionError } from '../host/errors.ts';
import type { Element } from './elements.ts';
import { familyOf } from './pkg-map.ts';

/** diskimage-builder's svc-map: what a service is called, by distribution, family, or by default. */
const schema = z.record(z.string(), z.record(z.string(), z.string())).nullable();

/**
 * The names of services on a distribution, from the svc-map files of all elements.
 * @throws DefinitionError when two elements name the same service
 */
export async function serviceTable(
  elements: readonly Element[],
  distribution: string,
): Promise<ReadonlyMap<string, string>> {
  const table = new Map<string, string>();
  for (const { name: element, path } of elements) {
    for (const [service, names] of Object.entries(await readMap(join(path, 'svc-map')))) {
      if (table.has(service)) {
        throw new DefinitionError(
          `the service ${service} is in the svc-map of two elements, ${element} is one`,
          {
            advice: 'take it out of one of them',
          },
        );
      }
      table.set(service, names[distribution] ?? names[familyOf(distribution)] ?? names.default ?? service);
    }
  }
  return table;
}

async function readMap(file: string): Promise<NonNullable<z.infer<typeof schema>>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  try {
    return schema.parse(parse(text)) ?? {};
  } catch (cause) {
    throw new DefinitionError(`${file} is not a map of services`, {
      advice: 'write YAML: names of services, and below each its name by distribution, family or default',
      cause,
    });
  }
}
