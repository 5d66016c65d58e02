import { DefinitionError } from '../../host/errors.ts';
import { run, ToolError } from '../../host/process.ts';

/** Releases that can be built, by the name a factory file gives them. */
const SUITES: Readonly<Record<string, string>> = { '12': 'bookworm', '13': 'trixie' };

/** Every archive key that signs a supported release is in this keyring of the tools tree and of the image. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** One line of a sources.list, taken apart. */
export interface Source {
  /** Base address of the archive, without a final slash. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** Where packages come from: the archive and its security twin, without a final slash. */
export interface Mirror {
  readonly archive: string;
  readonly security: string;
}

export function suiteOf(release: string): string {
  const suite = SUITES[release];
  if (suite === undefined) {
    const known = Object.keys(SUITES).join(', ');
    throw new DefinitionError(`debian has no release ${release} here`, { advice: `one of ${known}` });
  }
  return suite;
}

/** All suites that together are the archive's latest for a release. */
export function sourcesFor(suite: string, mirror: Mirror): Source[] {
  const components = suite === 'bullseye' ? ['main'] : ['main', 'non-free-firmware'];
  return [
    { uri: mirror.archive, suite, components },
    { uri: mirror.archive, suite: `${suite}-updates`, components },
    { uri: mirror.security, suite: `${suite}-security`, components },
  ];
}

/** The lines of a sources.list. */
export function sourcesList(sources: readonly Source[]): string {
  return sources
    .map(
      ({ uri, suite, components }) => `deb [signed-by=${KEYRING}] ${uri} ${suite} ${components.join(' ')}\n`,
    )
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

/**
 * A mirror from a setting: the address of the archive; its security twin stands beside it, as on every
 * public mirror.
 */
export function mirrorAt(address: string, where: string): Mirror {
  let url: URL;
  try {
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
  return { archive, security: `${archive}-security` };
}

/**
 * The mirror that the host's own apt uses; undefined on a host of another distribution.
 * Source: `apt-get indextargets`, which understands every form of apt's configuration.
 */
export async function hostMirror(): Promise<Mirror | undefined> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)';
  let text: string;
  try {
    text = (await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'])).stdout;
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
  return pickMirror(text);
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
