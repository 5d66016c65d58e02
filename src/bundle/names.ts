import { join } from 'node:path';
import type { FileForm } from '../definition/forms.ts';
import { DefinitionError } from '../host/errors.ts';

export const MANIFEST = 'manifest.json';
export const SHA256SUMS = 'SHA256SUMS';
export const SHA512SUMS = 'SHA512SUMS';
export const HASHDEEP = 'hashdeep.txt';
export const SIGNATURE = '.asc';

/** What sign adds to a core; everything else in it was made by build and is listed in the sums. */
export function isSeal(path: string): boolean {
  return path === SHA256SUMS || path === SHA512SUMS || path === HASHDEEP || path.endsWith(SIGNATURE);
}

/** Whether a file of the core gets a signature of its own; logs are covered by the signed sums alone. */
export function isDownload(path: string): boolean {
  return !path.endsWith(SIGNATURE) && !path.startsWith('logs/');
}

export function corePath(bundle: string): string {
  return join(bundle, 'core');
}

export function statementsPath(bundle: string): string {
  return join(bundle, 'statements');
}

/** `debian-12-20261121.1-amd64.qcow2` */
export function imageFileName(
  build: { image: string; version: string; architecture: string },
  form: FileForm,
): string {
  return `${build.image}-${build.version}-${build.architecture}.${form}`;
}

/**
 * One step of a path in a bundle. Letters, digits and `.`, `_`, `+`, `~`, `-` only, and no dot or dash in
 * front: such a name means the same to a shell, to sha256sum, to hashdeep and in a URL, and cannot leave
 * its folder.
 */
export const SAFE_NAME = /^[A-Za-z0-9_+][A-Za-z0-9._+~-]{0,199}$/;

export function isSafePath(path: string): boolean {
  return path.split('/').every(name => SAFE_NAME.test(name));
}

/** @throws DefinitionError that shows the name with its control characters escaped */
export function assertSafePath(path: string, what: string): void {
  if (isSafePath(path)) return;
  throw new DefinitionError(`${what} ${JSON.stringify(path)} is not a name for a file of a bundle`, {
    advice: 'letters, digits and . _ + ~ - only, and no dot or dash in front',
  });
}

/** Writes a place such as `directory:stores/staging` as one folder name, `directory%3Astores%2Fstaging`. */
export function encodePlace(place: string): string {
  const encoded = [...Buffer.from(place, 'utf8')].map(byte => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_.-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return encoded.join('').replace(/^\./, '%2E');
}

/** The place a folder name stands for, or undefined when encodePlace would not have written it so. */
export function decodePlace(name: string): string | undefined {
  try {
    const place = decodeURIComponent(name);
    return encodePlace(place) === name ? place : undefined;
  } catch {
    return undefined;
  }
}
