import { z } from 'zod';
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from '../units.ts';
import { NAME, pattern, VISIBLE } from './shapes.ts';

/* The values that stand in several sections; an error text is what the message says after "expected". */

export const MIB = 1024 ** 2;
const SIZE = 'a size such as 512MiB, 1GiB or plain bytes';
const VALUE = 'one line of text, a number, true or false';

/** Names become parts of paths, of object names in stores and of CI job names. */
export const name = pattern(`^${NAME}$`, 'a name of lower-case letters, digits, dots and hyphens');

export const line = pattern(`^${VISIBLE}{1,200}$`, 'one line of text');

export const size = (least: number, most: number) =>
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

export const duration = durationUpTo(DAY, 'a duration from 1s to 24h');
export const span = durationUpTo(3650 * DAY, 'a duration from 1s to 3650d');

export const mirror = z
  .url({ protocol: /^https?$/, error: 'the URL of a mirror, http:// or https://' })
  .refine(url => !hasCredentials(url), { error: 'a URL without user name and password' });

/** A whole number in bounds. */
export const count = (least: number, most: number, what: string) => {
  const error = `a whole number of ${what} from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

export const element = pattern(
  '^-?[A-Za-z0-9][A-Za-z0-9._-]*$',
  'the name of an element, or -NAME to remove one',
);
// apt takes a trailing hyphen for an order to remove the package.
export const packageName = pattern(
  '^-?[a-z0-9]([a-z0-9+.-]*[a-z0-9+.])?(:[a-z0-9]+)?$',
  'the name of a package, or -NAME to remove one',
);
export const variable = pattern('^[A-Za-z_][A-Za-z0-9_]*$', 'the name of an environment variable');
export const value = z.union(
  [z.string().regex(new RegExp(`^${VISIBLE}*$`), { error: VALUE }), z.number(), z.boolean()],
  {
    error: VALUE,
  },
);
export const fingerprint = pattern(
  '^-?[0-9A-Fa-f]{40}$',
  'the fingerprint of an OpenPGP key, 40 hexadecimal digits',
);

export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function hasCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

function inMib(bytes: number): string {
  return `${bytes / MIB}MiB`;
}
