import { type AptSource, parseAptSources } from '../image/apt-sources.ts';

const FILE = '### file ';

/** Prints a guest's package sources and what its distribution calls this release, for readGuestSources. */
export const SHOW_SOURCES = [
  'cd /etc/apt || exit 1',
  '. /etc/os-release; echo "$VERSION_CODENAME"',
  `for f in sources.list sources.list.d/*.list sources.list.d/*.sources; do [ ! -f "$f" ] || { echo "${FILE}$f"; cat "$f"; echo; }; done`,
].join('\n');

export interface GuestSources {
  /** Those of the distribution for this release. */
  readonly own: readonly AptSource[];
  /** How many there are of others, which its mirror does not have. */
  readonly others: number;
}

export function readGuestSources(text: string): GuestSources {
  const [codename = '', ...files] = text.split(/^### file /m);
  const sources = files.flatMap(file => {
    const end = file.indexOf('\n');
    return parseAptSources(file.slice(0, end), file.slice(end + 1));
  });
  const own = sources.filter(source => isOwn(source, codename.trim()));
  return { own, others: sources.length - own.length };
}

function isOwn({ suites, components, options }: AptSource, codename: string): boolean {
  const key = options.get('signed-by') ?? 'debian-archive-keyring';
  const ours = suites.every(suite => suite === codename || suite.startsWith(`${codename}-`));
  return codename !== '' && ours && components.includes('main') && key.includes('debian-archive');
}

/** Options by which an archive's age, or its trust, is judged otherwise than by default. */
const KEPT = ['signed-by', 'trusted', 'check-valid-until', 'architectures', 'arch'];

/**
 * The same sources at another address, as deb822.
 * @param address below which the archive and its security twin stand, without a final slash
 */
export function readdressedSources(sources: readonly AptSource[], address: string): string {
  return sources.flatMap(source => source.suites.map(suite => stanza(source, suite, address))).join('\n');
}

function stanza({ components, options }: AptSource, suite: string, address: string): string {
  const part = suite.endsWith('-security') ? 'security' : 'archive';
  const kept = [...options].filter(([name]) => KEPT.includes(name));
  const fields = [
    ...[
      ['Types', 'deb'],
      ['URIs', `${address}/${part}`],
      ['Suites', suite],
    ],
    ...[['Components', components.join(' ')]],
    ...kept.map(([name, value]) => [name === 'arch' ? 'Architectures' : name, value]),
  ];
  return fields.map(([name, value]) => `${name}: ${value?.replaceAll('\n', '\n ')}\n`).join('');
}
