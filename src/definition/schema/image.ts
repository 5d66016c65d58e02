import { z } from 'zod';
import { ARCHITECTURES, REBUILD_REASONS } from '../builtin.ts';
import { forms } from './disk.ts';
import { list, NAME, pattern, VISIBLE, word, words } from './shapes.ts';
import { element, line, mirror, packageName, span, value, variable } from './values.ts';

export const mirrors = {
  build: mirror.describe("Where the build takes packages from; else the host's own apt configuration."),
  image: mirror.describe("What the image is left with; else the distribution's public mirror."),
};

export const rebuild = {
  every: span.describe('Build a changed image at most once in this time.'),
  when: words(REBUILD_REASONS).describe('What makes a build due; -NAME takes one away.'),
  anyway: span.describe('Build anew after this time, even if nothing is known to have changed.'),
};

export const user = {
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
export const hardening = { except: z.record(hardeningRule, hardeningReason).describe(EXCEPT) };

export const settings = {
  title: line.describe('What people read; the release and the variant are added.'),
  owner: line.describe('Who answers for it, such as a mail address.'),
  architectures: words(ARCHITECTURES).describe('Architectures; one build for each.'),
  elements: list(element).describe("Elements in diskimage-builder's form: elements/ beside this file first."),
  packages: list(packageName).describe("Packages, by the distribution's names."),
  documentation: word(['none', 'all']).describe(
    "Packages' documentation: copyrights and Debian's changelogs alone, or all of it.",
  ),
  environment: z.record(variable, value).describe('DIB_* and other variables that elements read.'),
  forms,
};

export const variants = list(pattern(`^-?${NAME}$`, 'the name of a variant')).describe(
  'Variants to build beside the plain image.',
);

export const exceptions = { except: z.record(hardeningRule, hardeningReason.nullable()).describe(EXCEPT) };
