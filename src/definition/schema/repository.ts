import { z } from 'zod';
import { list, NAME, pattern, VISIBLE, word } from './shapes.ts';

const REPOSITORY = 'the address of a repository, http:// or https://, without user name and password';
const PRIORITY = 'a priority from -32768 to 32767, such as 400';

export const repositories = list(pattern(`^-?${NAME}$`, 'the name of a repository')).describe(
  'Package repositories, by their names under `repositories`.',
);

export const repository = {
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

export const resolvedRepository = z.object({
  ...repository,
  components: repository.components.exactOptional(),
  pin: repository.pin.exactOptional(),
  credentials: repository.credentials.exactOptional(),
});
