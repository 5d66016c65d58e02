import { mkdir } from 'node:fs/promises';
import { DefinitionError, HostError } from '../../host/errors.ts';
import { run, ToolError } from '../../host/process.ts';

/** Releases that can be built, by the name a factory file gives them. */
const SUITES: ReadonlyMap<string, string> = new Map([
  ['12', 'bookworm'],
  ['13', 'trixie'],
]);

/** Every archive key that signs a supported release is in this keyring of the tools tree and of the image. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** One line of a sources.list, taken apart. */
export interface Source {
  /** Base address of the archive, without a final slash. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Whether the archive may be older than it says of itself, as a snapshot is. */
  readonly mayBeOld?: true;
}

/** Where packages come from: the archive and its security twin, without a final slash. */
export interface Mirror {
  readonly archive: string;
  readonly security: string;
}

export function suiteOf(release: string): string {
  const suite = SUITES.get(release);
  if (suite === undefined) {
    const known = [...SUITES.keys()].join(', ');
    throw new DefinitionError(`debian has no release ${release} here`, { advice: `one of ${known}` });
  }
  return suite;
}

/** All suites that together are the archive's latest for a release. */
export function sourcesFor(suite: string, mirror: Mirror, { mayBeOld = false } = {}): Source[] {
  const components = suite === 'bullseye' ? ['main'] : ['main', 'non-free-firmware'];
  return [
    { uri: mirror.archive, suite, components },
    { uri: mirror.archive, suite: `${suite}-updates`, components },
    { uri: mirror.security, suite: `${suite}-security`, components },
  ].map(source => (mayBeOld ? { ...source, mayBeOld } : source));
}

/**
 * The lines of a sources.list for tools. A suite in testing has nothing beside the archive's own, and mirrors that stand
 * still keep it beyond its signature's date.
 */
export function toolsSources(mirror: Mirror): (suite: string, kind: 'released' | 'testing') => string {
  return (suite, kind) => {
    if (kind === 'released') return sourcesList(sourcesFor(suite, mirror));
    return sourcesList([{ uri: mirror.archive, suite, components: ['main'], mayBeOld: true }]);
  };
}

/** The lines of a sources.list. */
export function sourcesList(sources: readonly Source[]): string {
  return sources
    .map(({ uri, suite, components, mayBeOld }) => {
      const old = mayBeOld ? ' check-valid-until=no' : '';
      return `deb [signed-by=${KEYRING}${old}] ${uri} ${suite} ${components.join(' ')}\n`;
    })
    .join('');
}

/** The same as a deb822 file, which is what an image is left with. */
export function debianSources(sources: readonly Source[]): string {
  return sources
    .map(({ uri, suite, components }) =>
      [
        'Types: deb',
        `URIs: ${uri}`,
        `Suites: ${suite}`,
        `Components: ${components.join(' ')}`,
        `Signed-By: ${KEYRING}`,
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** The address of a snapshot: `.../debian/20261121T000000Z`. */
const SNAPSHOT = /^(.*)(\/\d{8}T\d{6}Z)$/;

/**
 * A mirror from a setting: the address of the archive; its security twin stands beside it, as on every
 * public mirror and every archive of snapshots.
 */
export function mirrorAt(address: string, where: string): Mirror {
  let url: URL;
  try {
    // URL forgives white space; a line of a sources.list does not.
    if (/\s/.test(address)) throw new TypeError('it has white space in it');
    url = new URL(address);
  } catch (cause) {
    throw new DefinitionError(`${where}: ${address} is not an address`, {
      advice: 'write http://HOST/debian',
      cause,
    });
  }
  if (!['http:', 'https:'].includes(url.protocol)) {
    throw new DefinitionError(`${where}: ${address} is neither http nor https`, {
      advice: 'write http://HOST/debian',
    });
  }
  const archive = address.replace(/\/+$/, '');
  const [, name = archive, time = ''] = SNAPSHOT.exec(archive) ?? [];
  return { archive, security: `${name}-security${time}` };
}

/**
 * The mirror that the host's own apt uses; undefined on a host of another distribution. Asked of apt-get,
 * which understands every form of apt's configuration.
 * @param folder where apt keeps its index of packages, which containers keep it from: without it, it makes one each
 *   time, half a second long; default: wherever it does
 */
export async function hostMirror(folder?: string): Promise<Mirror | undefined> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)';
  const kept = folder === undefined ? [] : [`-oDir::Cache::pkgcache=${folder}/pkgcache.bin`];
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const known = await aptSays('indextargets', ...kept, '--format', format, 'Created-By: Packages');
  // It knows targets only of lists that were fetched, and many a container comes without.
  return pickMirror(known) ?? pickMirror(targetsOf(await aptSays('update', '--print-uris')));
}

async function aptSays(...words: string[]): Promise<string> {
  try {
    return (await run(['apt-get', ...words])).stdout;
  } catch (error) {
    if (error instanceof ToolError || error instanceof HostError) return '';
    throw error;
  }
}

/** What `apt-get update --print-uris` says, as rows for pickMirror. */
export function targetsOf(text: string): string {
  const found = text.matchAll(/^'(\S+)\/dists\/([^/']+)\/InRelease'/gm);
  return [...found].map(([, uri, suite]) => `${uri} ${suite} main $(ORIGIN)\n`).join('');
}

/** @param text lines of `URI RELEASE COMPONENT ORIGIN`; ORIGIN stays `$(ORIGIN)` where no list was fetched yet */
export function pickMirror(text: string): Mirror | undefined {
  const rows = text.split('\n').map(line => line.split(' '));
  const find = (release: RegExp) => {
    const row = rows.find(([uri = '', name = '', component, origin = '']) => {
      const debian = origin === 'Debian' || (origin.startsWith('$') && /\/debian(-security)?\/?$/.test(uri));
      return debian && component === 'main' && release.test(name) && /^https?:/.test(uri);
    });
    return row?.[0]?.replace(/\/+$/, '');
  };
  const archive = find(/^[a-z]+$/);
  if (archive === undefined) return undefined;
  return { archive, security: find(/^[a-z]+-security$/) ?? `${archive}-security` };
}
