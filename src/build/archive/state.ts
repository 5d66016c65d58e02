import type { Dispatcher } from 'undici';
import type { Context } from '../../host/context.ts';
import { NetworkError } from '../../host/errors.ts';
import type { Source } from '../distributions/debian.ts';
import { fetchFile, sha256 } from './fetch.ts';

/** One suite of the archive as it stands now. */
export interface SuiteState {
  readonly suite: string;
  /** SHA-256 of its InRelease file, which names all package lists by their digests. */
  readonly inReleaseSha256: string;
  /** Its `Date:` field, seconds since 1970. */
  readonly date: number;
}

/** A suite with the files that its InRelease names: SHA-256 by path below `dists/SUITE/`. */
export interface Suite extends SuiteState {
  readonly source: Source;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Asks the mirror for the InRelease file of each suite. Its signature is for apt to judge, when it installs:
 * a liar here can make us build what need not be built, or not build, and nothing else.
 * @throws NetworkError when it does not answer as a mirror does, CancelledError
 */
export async function archiveState(
  context: Context,
  sources: readonly Source[],
  dispatcher?: Dispatcher,
): Promise<Suite[]> {
  return Promise.all(
    sources.map(async source => {
      const url = `${source.uri}/dists/${source.suite}/InRelease`;
      const text = (await fetchFile(context, url, dispatcher === undefined ? {} : { dispatcher })).toString(
        'utf8',
      );
      const date = Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? '') / 1000;
      if (Number.isNaN(date)) {
        throw new NetworkError(`${source.uri} has no package archive for ${source.suite}`, {
          advice: 'check the mirror',
        });
      }
      return { source, suite: source.suite, inReleaseSha256: sha256(text), date, files: filesOf(text) };
    }),
  );
}

/** The `SHA256:` field: lines of digest, size and path. */
function filesOf(text: string): Map<string, string> {
  const list = /^SHA256:\s*\n((?: .*\n?)+)/m.exec(text)?.[1] ?? '';
  const rows = list.matchAll(/^ ([0-9a-f]{64})\s+\d+\s+(\S+)$/gm);
  return new Map([...rows].map(([, digest = '', path = '']) => [path, digest]));
}
