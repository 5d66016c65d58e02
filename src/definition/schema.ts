import { z } from 'zod';
import { ARCHITECTURES, CHECK_NAMES, DISTRIBUTIONS, REBUILD_REASONS } from './builtin.ts';
import { DISK_FORMS, FORMS, isDiskForm } from './forms.ts';
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/*
 * The factory file's grammar. Each setting is described once, as one layer writes it; `loose` makes the layer
 * (everything may be absent or null), `resolvedSettings` and its like the result of the merge (everything is
 * there). An error text here is what the message says after "expected".
 */

/** Control characters have no place in what becomes a line of a log, a page or a shell's environment. */
const VISIBLE = '[^\\u0000-\\u001f\\u007f-\\u009f]';
const NAME = '[a-z0-9][a-z0-9.-]{0,62}';
const MIB = 1024 ** 2;
const SIZE = 'a size such as 512MiB, 1GiB or plain bytes';
const VALUE = 'one line of text, a number, true or false';
const RELEASE = 'a release, such as 12';
const REPOSITORY = 'the address of a repository, http:// or https://, without user name and password';
const ONE_DISK = `a form that holds the whole disk beside the others: ${DISK_FORMS.join(', ')}`;
const PRIORITY = 'a priority from -32768 to 32767, such as 400';

/** Names become parts of paths, of object names in stores and of CI job names. */
const name = pattern(`^${NAME}$`, 'a name of lower-case letters, digits, dots and hyphens');

const line = pattern(`^${VISIBLE}{1,200}$`, 'one line of text');

const size = (least: number, most: number) =>
  z
    .union(
      [z.string().regex(SIZE_PATTERN, { error: SIZE }), z.int({ error: SIZE }).min(0, { error: SIZE })],
      {
        error: SIZE,
      },
    )
    .transform(written => parseSize(String(written)) ?? Number.NaN)
    .refine(bytes => bytes >= least && bytes <= most, {
      error: `a size from ${inMib(least)} to ${inMib(most)}`,
    });

const DAY = 86_400_000;

const durationUpTo = (most: number, error: string) =>
  z
    .string({ error: 'a duration with its unit, such as 90s, 5m or 7d' })
    .regex(DURATION_PATTERN, { error: 'a duration such as 90s, 5m or 7d' })
    .transform(written => parseDuration(written) ?? Number.NaN)
    .refine(milliseconds => milliseconds >= 1000 && milliseconds <= most, { error });

const duration = durationUpTo(DAY, 'a duration from 1s to 24h');
const span = durationUpTo(3650 * DAY, 'a duration from 1s to 3650d');

const mirror = z
  .url({ protocol: /^https?$/, error: 'the URL of a mirror, http:// or https://' })
  .refine(url => !hasCredentials(url), { error: 'a URL without user name and password' });

/** A whole number in bounds. */
const count = (least: number, most: number, what: string) => {
  const error = `a whole number of ${what} from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const element = pattern('^-?[A-Za-z0-9][A-Za-z0-9._-]*$', 'the name of an element, or -NAME to remove one');
// apt takes a trailing hyphen for an order to remove the package.
const packageName = pattern(
  '^-?[a-z0-9]([a-z0-9+.-]*[a-z0-9+.])?(:[a-z0-9]+)?$',
  'the name of a package, or -NAME to remove one',
);
const variable = pattern('^[A-Za-z_][A-Za-z0-9_]*$', 'the name of an environment variable');
const value = z.union(
  [z.string().regex(new RegExp(`^${VISIBLE}*$`), { error: VALUE }), z.number(), z.boolean()],
  {
    error: VALUE,
  },
);
const fingerprint = pattern(
  '^-?[0-9A-Fa-f]{40}$',
  'the fingerprint of an OpenPGP key, 40 hexadecimal digits',
);

const partitionSize = size(8 * MIB, 1024 * 1024 * MIB);
const partitions = {
  boot: partitionSize.describe('/boot.'),
  var: partitionSize.describe('/var.'),
  home: partitionSize.describe('/home.'),
  swap: partitionSize.describe('Swap.'),
};

const layout = word(['gpt-hybrid', 'gpt-bios', 'gpt-uefi', 'mbr', 'mbr-hybrid', 'filesystem']).describe(
  'Partition table and firmware; hybrid boots under BIOS and UEFI, filesystem has no table.',
);

const config = pattern(
  '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]{1,100000}$',
  "the text of diskimage-builder's block-device configuration",
).describe("diskimage-builder's block-device configuration, as text (config: |).");

const disk = {
  layout,
  filesystem: word(['ext4']).describe('Root filesystem.'),
  partitions: loose(partitions).describe('Partitions beside the root, with their sizes.'),
  config,
  compression: word(['zstd', 'zlib']).describe('Of the qcow2; zlib is read by QEMU older than 5.1 too.'),
  reserve: size(0, 1024 * 1024 * MIB).describe('Room beyond what the tree needs.'),
  journal: size(4 * MIB, 1024 * MIB).describe("The root filesystem's journal."),
};

const quarantine = z
  .strictObject({
    tracker: line.describe('Where it is being looked into.'),
    expires: line.describe('Its last day, in UTC.'),
  })
  .refine(({ expires }) => isDay(expires), { error: 'a last day that there is, such as 2026-12-24' });
const QUARANTINE = 'Checks whose failure stops nothing until a day; after it, being here is a failure.';

const allowed = z
  .strictObject({
    reason: line.describe('Why it is taken as it is.'),
    expires: line.describe('Its last day, in UTC.').exactOptional(),
  })
  .refine(({ expires }) => expires === undefined || isDay(expires), {
    error: 'a last day that there is, such as 2026-12-24',
  });
const ALLOW =
  'Findings that are taken as they are, by the check and what the finding names; * stands for any text.';

const verify = {
  checks: words(CHECK_NAMES).describe('Checks the image must pass; -NAME takes one away.'),
  boot: duration.describe('From power-on to a configured guest.'),
  memory: size(128 * MIB, 1024 * 1024 * MIB).describe('Memory of the test machine.'),
  cpus: count(1, 64, 'processors').describe('Its processors.'),
  quarantine: record(word(CHECK_NAMES), quarantine).describe(QUARANTINE),
  allow: record(word(CHECK_NAMES), record(line, allowed)).describe(ALLOW),
};

const mirrors = {
  build: mirror.describe("Where the build takes packages from; else the host's own apt configuration."),
  image: mirror.describe("What the image is left with; else the distribution's public mirror."),
};

const rebuild = {
  every: span.describe('Build a changed image at most once in this time.'),
  when: words(REBUILD_REASONS).describe('What makes a build due; -NAME takes one away.'),
  anyway: span.describe('Build anew after this time, even if nothing is known to have changed.'),
};

const user = {
  name: pattern('^(?!root$)[a-z_][a-z0-9_-]{0,31}$', 'a user name other than root').describe(
    'The default user.',
  ),
  sudo: word(['nopasswd', 'password', 'none']).describe('What sudo asks of the default user.'),
  'ssh-keys': list(
    pattern(
      `^-?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]{40,}={0,3}( ${VISIBLE}{1,200})?$`,
      'a public key as in authorized_keys, such as ssh-ed25519 AAAA... NAME, without options',
    ),
  ).describe("Public keys that every instance accepts, beside its cloud's."),
  'password-hash': pattern(
    '^\\$(y|gy|7|2b|6|5)\\$[./A-Za-z0-9$=,]{20,200}$',
    'a hash by crypt(3) such as $y$... (mkpasswd makes one); never the password',
  ).describe('Password that every instance accepts; absent: none.'),
};

const hardeningRule = pattern('^[a-z0-9][a-z0-9-]{0,62}$', 'the name of a rule');
const hardeningReason = pattern(`^${VISIBLE}{3,200}$`, 'the reason why the rule is left out');
const EXCEPT = 'Rules of the element hardening that are left out, each with the reason.';
const hardening = { except: z.record(hardeningRule, hardeningReason).describe(EXCEPT) };

const repositories = list(pattern(`^-?${NAME}$`, 'the name of a repository')).describe(
  'Package repositories, by their names under `repositories`.',
);

const repository = {
  apt: z
    .string({ error: REPOSITORY })
    .regex(
      /^https?:\/\/[\w.-]+(:\d+)?(\/([\w.~+%-]|\{(distribution|release|codename|architecture)\}|\/)*)?$/,
      { error: REPOSITORY },
    )
    .describe("Its address; {distribution}, {release}, {codename} and {architecture} are the image's."),
  suite: pattern(
    '^([\\w.+-]|\\{codename\\}|\\{release\\}|/)+$',
    'a suite such as stable or {codename}, or a path with a slash at its end',
  ).describe('Suite; with a slash at the end it is a flat repository.'),
  components: list(pattern('^-?[A-Za-z0-9][\\w.+/-]*$', 'the name of a component')).describe(
    'Components; main by default, none for a flat repository.',
  ),
  key: pattern(`^(?!/)${VISIBLE}+$`, 'a path relative to the factory file').describe(
    'File of the public key that signs it.',
  ),
  fingerprint: pattern(
    '^[0-9A-Fa-f]{40}$',
    'the whole fingerprint of an OpenPGP key, 40 hexadecimal digits',
  ).describe('Fingerprint that the key must have.'),
  pin: z
    .int({ error: PRIORITY })
    .min(-32768, { error: PRIORITY })
    .max(32767, { error: PRIORITY })
    .describe("apt's priority of its packages; apt's own is 500."),
  image: word(['keep', 'remove']).describe('Whether the image keeps it.'),
  credentials: pattern('^[A-Z][A-Z0-9_]{0,99}$', 'the name of an environment variable').describe(
    'Name of the environment variable that holds LOGIN:PASSWORD for it.',
  ),
};

const settings = {
  title: line.describe('What people read; the release and the variant are added.'),
  owner: line.describe('Who answers for it, such as a mail address.'),
  architectures: words(ARCHITECTURES).describe('Architectures; one build for each.'),
  elements: list(element).describe("Elements in diskimage-builder's form: elements/ beside this file first."),
  packages: list(packageName).describe("Packages, by the distribution's names."),
  environment: z.record(variable, value).describe('DIB_* and other variables that elements read.'),
  forms: words(FORMS).describe('Files made of the one disk and its tree.'),
};

const variants = list(pattern(`^-?${NAME}$`, 'the name of a variant')).describe(
  'Variants to build beside the plain image.',
);

const exceptions = { except: z.record(hardeningRule, hardeningReason.nullable()).describe(EXCEPT) };

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

const stage = {
  needs: name.describe('The stage that must have accepted an image before this one takes it.'),
  stores: list(
    pattern(`^-?directory:${VISIBLE}+$`, 'directory:PATH').refine(isFolder, {
      error: 'directory:PATH, a folder of its own without .. in its path',
    }),
  ).describe('Where its images go, such as directory:stores/staging.'),
  checks: words(CHECK_NAMES).describe("Checks that must have passed in this stage's place."),
};

const retention = {
  keep: count(0, 1000, 'versions').describe('Versions kept beside the current one.'),
};

const signing = {
  fingerprints: list(fingerprint).describe('Keys that may sign verdicts and releases.'),
  verify: list(fingerprint).describe('Keys that may sign verdicts.'),
  release: list(fingerprint).describe('Keys that may sign and promote.'),
  key: pattern(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:${VISIBLE}+)$`, 'env:NAME or file:PATH').describe(
    'Where the signing key is found; never the key itself.',
  ),
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
  forms: z.array(word(FORMS)).refine(forms => forms.some(isDiskForm), { error: ONE_DISK }),
  disk: z.object({ ...disk, config: config.exactOptional(), partitions: sizes(partitions) }),
  mirror: z.object({ build: mirror.exactOptional(), image: mirror.exactOptional() }),
  rebuild: z.object({ every: span.exactOptional(), when: rebuild.when, anyway: span.exactOptional() }),
  user: z.object({ ...user, 'password-hash': user['password-hash'].exactOptional() }),
  hardening: z.object(hardening),
  repositories,
  verify: z.object({
    ...verify,
    checks: someChecks(verify.checks),
    quarantine: z.partialRecord(word(CHECK_NAMES), quarantine).exactOptional(),
    allow: z.partialRecord(word(CHECK_NAMES), z.record(line, allowed)).exactOptional(),
  }),
  variants,
});

export const resolvedStage = z.object({
  needs: stage.needs.exactOptional(),
  stores: stage.stores.min(1, { error: 'one store at least' }),
  checks: someChecks(stage.checks),
});

export const resolvedRepository = z.object({
  ...repository,
  components: repository.components.exactOptional(),
  pin: repository.pin.exactOptional(),
  credentials: repository.credentials.exactOptional(),
});

export const resolvedRetention = z.object(retention);
export const resolvedSigning = z.object({ ...signing, key: signing.key.exactOptional() });

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

function pattern(source: string, error: string) {
  const type = ({ input }: { input?: unknown }) =>
    typeof input === 'number' || typeof input === 'boolean' ? `${error}: put it in quotes` : error;
  return z.string({ error: type }).regex(new RegExp(source), { error });
}

/** One of a closed set of words; the words themselves are what was expected. */
function word<const T extends readonly string[]>(allowed: T) {
  return z.enum(allowed);
}

/** A list of a closed set of words, each of which may be taken away by a hyphen. */
function words<const T extends readonly string[]>(allowed: T) {
  const removals = allowed.map((each): `-${T[number]}` => `-${each}`);
  return list(z.enum([...allowed, ...removals]));
}

function list<T extends z.ZodType>(item: T) {
  return z.array(item, { error: 'a list, such as [a, b]' });
}

function someChecks<T extends z.ZodType>(checks: z.ZodArray<T>): z.ZodArray<T> {
  return checks.min(1, { error: 'one check at least' });
}

/**
 * A map as one layer writes it: anything may be absent, and null takes back what lower layers said.
 * @param id its name in the published schema, for what stands there more than once
 */
function loose(shape: Readonly<Record<string, z.ZodType>>, id?: string) {
  const entries = Object.entries(shape).map(([key, type]) => {
    const described = type.nullish();
    return [key, type.description === undefined ? described : described.describe(type.description)] as const;
  });
  const map = z.strictObject(Object.fromEntries(entries), { error: 'a map, such as {key: value}' });
  return id === undefined ? map : map.meta({ id });
}

/** The result of the merge of a map in which everything may be absent. */
function sizes<T extends Readonly<Record<string, typeof partitionSize>>>(shape: T) {
  const entries = Object.entries(shape).map(([key, type]) => [key, type.exactOptional()] as const);
  return z.object(Object.fromEntries(entries) as { [K in keyof T]: z.ZodExactOptional<T[K]> });
}

function record<K extends z.core.$ZodRecordKey>(key: K, each: z.ZodType) {
  return z.partialRecord(key, each.nullable(), { error: 'a map, such as {name: {...}}' });
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function isFolder(store: string): boolean {
  const steps = store.slice(store.indexOf(':') + 1).split('/');
  return !steps.includes('..') && steps.some(step => step !== '' && step !== '.');
}

function hasCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

function inMib(bytes: number): string {
  return `${bytes / MIB}MiB`;
}
