import { basename } from 'node:path';
import { z } from 'zod';
import { FILE_FORMS } from '../../definition/forms.ts';
import { DefinitionError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { StoredImage } from '../types.ts';

/** Version of image.json and index.json. */
export const STORE_FORMAT = 1;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name of letters, digits, . _ -');
const hex = (digits: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `expected ${digits} hex digits`);

const schema = z.strictObject({
  formatVersion: z.literal(STORE_FORMAT),
  id: name,
  line: name,
  version: name,
  visibility: z.enum(['private', 'public']),
  hidden: z.boolean(),
  file: z.strictObject({
    path: name,
    size: z.number().int().nonnegative(),
    sha256: hex(64),
    sha512: hex(128),
    form: z.enum(FILE_FORMS),
  }),
  createdAt: z.iso.datetime(),
  properties: z.record(z.string(), z.string()),
});

/** Throws DefinitionError unless a word can be part of a path in a store. */
export function assertName(what: string, word: string): void {
  if (name.safeParse(word).success) return;
  throw new DefinitionError(`${what} ${JSON.stringify(clean(word))} cannot be a name in a store`, {
    advice: 'use letters, digits, . _ - and begin with a letter or digit',
  });
}

/** The text of image.json. */
export function writeRecord(image: StoredImage): string {
  return `${JSON.stringify({ formatVersion: STORE_FORMAT, ...image }, null, 2)}\n`;
}

/**
 * Reads image.json, which anyone with access to the store may have written.
 * @param file its path; the folder it is in must carry the image's id
 * @throws DefinitionError in one line that names the file and the first thing wrong with it
 */
export function readRecord(text: string, file: string, folder: string): StoredImage {
  const parsed = schema.safeParse(parseJson(text, file));
  if (!parsed.success) throw notARecord(file, explain(parsed.error));
  const { formatVersion: _, ...image } = parsed.data;
  if (image.id !== basename(folder)) throw notARecord(file, `it is the record of ${image.id}`);
  return image;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notARecord(file, 'not JSON', cause);
  }
}

function explain(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  return clean(`${where === '' ? '' : `${where}: `}${issue?.message ?? 'unknown form'}`);
}

function notARecord(file: string, why: string, cause?: unknown): DefinitionError {
  return new DefinitionError(`${file} is not a record of a stored image (${why})`, {
    advice: 'restore it from a backup, or move its folder out of the store',
    cause,
  });
}
