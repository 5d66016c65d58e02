import { z } from 'zod';
import { ARCHITECTURES, DISTRIBUTIONS } from './builtin.ts';
import { disk, resolvedDisk, resolvedForms } from './schema/disk.ts';
import { exceptions, hardening, mirrors, rebuild, settings, user, variants } from './schema/image.ts';
import { repositories, repository } from './schema/repository.ts';
import { list, loose, NAME, record, word } from './schema/shapes.ts';
import { retention, signing, stage } from './schema/stage.ts';
import { line, mirror, name, span, value, variable } from './schema/values.ts';
import { resolvedVerify, verify } from './schema/verify.ts';

/*
 * The factory file's grammar. Each setting is described once, as one layer writes it; `loose` makes the layer
 * (everything may be absent or null), `resolvedSettings` and its like the result of the merge (everything is
 * there). An error text here is what the message says after "expected".
 */

const RELEASE = 'a release, such as 12';

const layer = {
  ...settings,
  environment: z.record(variable, value.nullable()).describe('DIB_* and other variables that elements read.'),
  disk: loose(disk, 'disk').describe('The disk and its root filesystem.'),
  mirror: loose(mirrors, 'mirror').describe('Package mirrors.'),
  user: loose(user, 'user').describe("The image's default user."),
  rebuild: loose(rebuild, 'rebuild').describe('When an image is built again.'),
  hardening: loose(exceptions, 'hardening').describe('What the element hardening leaves out.'),
  repositories,
  verify: loose(verify, 'verify').describe('What the image must pass.'),
};

const imageLayer = {
  ...layer,
  variants,
  distribution: word(DISTRIBUTIONS).describe("Distribution; absent: the image's own name."),
  releases: list(
    z.union([z.string().regex(new RegExp(`^-?${NAME}$`), { error: RELEASE }), z.number()], {
      error: RELEASE,
    }),
  ).describe('Releases; one image line for each.'),
};

const commonLayer = loose({ ...layer, variants }, 'settings');

export const factorySchema = loose({
  version: z.literal(1, { error: '1, the version of this format' }).describe('Version of this format.'),
  include: z.array(line, { error: 'a list of files' }).describe('Files laid under this one; relative paths.'),
  'elements-path': z
    .array(line, { error: 'a list of folders' })
    .describe(
      'Folders of elements, after elements/ beside this file and before the built-in ones; relative paths.',
    ),
  defaults: commonLayer.describe('Settings of every image.'),
  distributions: record(word(DISTRIBUTIONS), commonLayer).describe(
    'Settings of every image of a distribution.',
  ),
  images: record(name, loose(imageLayer)).describe(
    'Images by name: debian, or one line of it such as debian-13.',
  ),
  variants: record(name, loose(layer)).describe('Variants: an image plus hardware elements.'),
  stages: record(name, loose(stage)).describe('Stages on the way to every user.'),
  retention: loose(retention).describe('How long old versions stay.'),
  signing: loose(signing).describe('Who may sign what.'),
  repositories: record(name, loose(repository)).describe("Package repositories beside the distribution's."),
});

/** All settings of one image line after the merge; sizes in bytes, durations in milliseconds. */
export const resolvedSettings = z.object({
  ...settings,
  owner: settings.owner.exactOptional(),
  architectures: z.array(word(ARCHITECTURES)).min(1, { error: 'one architecture at least' }),
  forms: resolvedForms,
  disk: resolvedDisk,
  mirror: z.object({ build: mirror.exactOptional(), image: mirror.exactOptional() }),
  rebuild: z.object({ every: span.exactOptional(), when: rebuild.when, anyway: span.exactOptional() }),
  user: z.object({ ...user, 'password-hash': user['password-hash'].exactOptional() }),
  hardening: z.object(hardening),
  repositories,
  verify: resolvedVerify,
  variants,
});

/** The JSON schema for editors, as `factory.schema.json` has it. */
export function publishedSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(factorySchema, { io: 'input', override: describeOnce });
  const head = { $schema, title: 'image-factory factory file', ...rest };
  return `${JSON.stringify(head, null, 2)}\n`;
}

/** A setting that may be null has its description outside already. */
function describeOnce({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.description === undefined) return;
  for (const each of jsonSchema.anyOf ?? []) if (typeof each === 'object') delete each.description;
}
