import type { z } from 'zod';
import { clean } from '../host/log.ts';
import { SchemaError } from './errors.ts';

/**
 * Reads an answer and checks it against what the API promises.
 * @throws SchemaError naming the first place that is not as promised
 */
export function understand<T>(
  schema: z.ZodType<T>,
  text: string,
  { what, service }: { what: string; service: string },
): T {
  const checked = schema.safeParse(parse(text));
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  const where = place === '' ? '' : `${clean(place)}: `;
  throw new SchemaError(
    `could not ${what}: the answer is not what the API promises (${where}${issue?.message ?? 'unreadable'}; ${service})`,
    { advice: 'is a proxy in between, or the address of another service in the catalogue?' },
  );
}

/** What is no JSON fails every schema. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
