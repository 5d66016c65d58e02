import { TrustError } from '../host/errors.ts';
import { byBytes } from './files.ts';
import { isSafePath } from './names.ts';
import type { FileDigest } from './types.ts';

export type SumAlgorithm = 'sha256' | 'sha512';

const DIGITS: Readonly<Record<SumAlgorithm, number>> = { sha256: 64, sha512: 128 };

/** What `sha256sum` or `sha512sum` would print for the files, sorted by path. */
export function formatSums(files: readonly FileDigest[], algorithm: SumAlgorithm): string {
  return sorted(files)
    .map(file => `${file[algorithm]}  ${file.path}\n`)
    .join('');
}

/**
 * Reads a sums file, and takes it only in the very form in which formatSums writes it.
 * @param what names the file in messages
 * @returns digest (lower-case hex) by path
 * @throws TrustError that names the line
 */
export function parseSums(text: string, algorithm: SumAlgorithm, what: string): Map<string, string> {
  const pattern = new RegExp(`^([0-9a-f]{${DIGITS[algorithm]}})  (.+)$`);
  const sums = new Map<string, string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new TrustError(`${what} does not end with a whole line`);
  let previous: string | undefined;
  for (const [index, line] of lines.entries()) {
    const [, digest, path] = pattern.exec(line) ?? [];
    const ordered = path !== undefined && (previous === undefined || byBytes(previous, path) < 0);
    if (digest === undefined || path === undefined || !isSafePath(path) || !ordered) {
      throw new TrustError(`${what} line ${index + 1} is not a line of ${algorithm}sum in its place`);
    }
    sums.set(path, digest);
    previous = path;
  }
  return sums;
}

/** An audit file for hashdeep; its own head says how to run it. */
export function formatHashdeep(files: readonly FileDigest[]): string {
  const head = [
    '%%%% HASHDEEP-1.0',
    '%%%% size,sha256,filename',
    '## Audit, in the folder of this file:',
    "## $ grep -v '^[%#]' hashdeep.txt | cut -d, -f3 | xargs hashdeep -l -a -v -k hashdeep.txt",
    '## ',
  ];
  const body = sorted(files).map(file => `${file.size},${file.sha256},${file.path}`);
  return `${[...head, ...body].join('\n')}\n`;
}

function sorted(files: readonly FileDigest[]): FileDigest[] {
  return [...files].sort((a, b) => byBytes(a.path, b.path));
}
