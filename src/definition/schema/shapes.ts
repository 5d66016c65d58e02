import { z } from 'zod';

/* How a section of the factory file is written: words, lists, maps that layers lay over each other. */

/** Control characters have no place in what becomes a line of a log, a page or a shell's environment. */
export const VISIBLE = '[^\\u0000-\\u001f\\u007f-\\u009f]';
export const NAME = '[a-z0-9][a-z0-9.-]{0,62}';

export function pattern(source: string, error: string) {
  const type = ({ input }: { input?: unknown }) =>
    typeof input === 'number' || typeof input === 'boolean' ? `${error}: put it in quotes` : error;
  return z.string({ error: type }).regex(new RegExp(source), { error });
}

/** One of a closed set of words; the words themselves are what was expected. */
export function word<const T extends readonly string[]>(allowed: T) {
  return z.enum(allowed);
}

/** A list of a closed set of words, each of which may be taken away by a hyphen. */
export function words<const T extends readonly string[]>(allowed: T) {
  const removals = allowed.map((each): `-${T[number]}` => `-${each}`);
  return list(z.enum([...allowed, ...removals]));
}

export function list<T extends z.ZodType>(item: T) {
  return z.array(item, { error: 'a list, such as [a, b]' });
}

export function someChecks<T extends z.ZodType>(checks: z.ZodArray<T>): z.ZodArray<T> {
  return checks.min(1, { error: 'one check at least' });
}

/**
 * A map as one layer writes it: anything may be absent, and null takes back what lower layers said.
 * @param id its name in the published schema, for what stands there more than once
 */
export function loose(shape: Readonly<Record<string, z.ZodType>>, id?: string) {
  const entries = Object.entries(shape).map(([key, type]) => {
    const described = type.nullish();
    return [key, type.description === undefined ? described : described.describe(type.description)] as const;
  });
  const map = z.strictObject(Object.fromEntries(entries), { error: 'a map, such as {key: value}' });
  return id === undefined ? map : map.meta({ id });
}

export function record<K extends z.core.$ZodRecordKey>(key: K, each: z.ZodType) {
  return z.partialRecord(key, each.nullable(), { error: 'a map, such as {name: {...}}' });
}
