import { z } from 'zod';
import { CHECK_NAMES } from '../builtin.ts';
import { list, pattern, someChecks, VISIBLE, words } from './shapes.ts';
import { count, fingerprint, name } from './values.ts';
import { ownFolders } from './verify.ts';

export const stage = {
  needs: name.describe('The stage that must have accepted an image before this one takes it.'),
  stores: list(
    pattern(`^-?directory:${VISIBLE}+$`, 'directory:PATH').refine(isFolder, {
      error: 'directory:PATH, a folder of its own without .. in its path',
    }),
  ).describe('Where its images go, such as directory:stores/staging.'),
  checks: words(CHECK_NAMES).describe("Checks that must have passed in this stage's place."),
  own: ownFolders.describe("Folders with checks of your own that must have passed in this stage's place."),
};

export const retention = {
  keep: count(0, 1000, 'versions').describe('Versions kept beside the current one.'),
};

export const signing = {
  fingerprints: list(fingerprint).describe('Keys that may sign verdicts and releases.'),
  verify: list(fingerprint).describe('Keys that may sign verdicts.'),
  release: list(fingerprint).describe('Keys that may sign and promote.'),
  layers: list(fingerprint).describe(
    'Keys that may sign layers for release builds; they have no other role.',
  ),
  key: pattern(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:${VISIBLE}+)$`, 'env:NAME or file:PATH').describe(
    'Where the signing key is found; never the key itself.',
  ),
};

function isFolder(store: string): boolean {
  const steps = store.slice(store.indexOf(':') + 1).split('/');
  return !steps.includes('..') && steps.some(step => step !== '' && step !== '.');
}

export const resolvedStage = z.object({
  needs: stage.needs.exactOptional(),
  stores: stage.stores.min(1, { error: 'one store at least' }),
  checks: someChecks(stage.checks),
  own: stage.own.exactOptional(),
});

export const resolvedRetention = z.object(retention);
export const resolvedSigning = z.object({ ...signing, key: signing.key.exactOptional() });
