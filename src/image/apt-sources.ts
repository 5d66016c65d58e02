/** One package source of apt's configuration, whichever form it is written in; sources.list(5). */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Lower-case names, as in deb822: `trusted`, `signed-by`, `allow-insecure`. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The enabled sources of a file below /etc/apt.
 * @param path its name tells the form: `.sources` is deb822, everything else the one-line form
 */
export function parseAptSources(path: string, text: string): AptSource[] {
  return path.endsWith('.sources') ? parseDeb822(text) : parseLines(text);
}

const LINE = /^deb(?:-src)?\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)(.*)/;

function parseLines(text: string): AptSource[] {
  return text.split('\n').flatMap(line => {
    const [, options = '', uri, suite, rest = ''] = LINE.exec(line.trim()) ?? [];
    if (uri === undefined || suite === undefined) return [];
    const pairs = [...options.matchAll(/([A-Za-z-]+)[+-]?=(\S+)/g)];
    return [
      {
        uris: [uri],
        suites: [suite],
        components: wordsOf(rest.replace(/#.*/, '')),
        options: new Map(pairs.map(([, name = '', value = '']) => [name.toLowerCase(), value])),
      },
    ];
  });
}

function parseDeb822(text: string): AptSource[] {
  const commentless = text.replace(/^#.*\n?/gm, '');
  return commentless.split(/\n\s*\n/).flatMap(paragraph => {
    const fields = fieldsOf(paragraph);
    const words = (name: string) => wordsOf(fields.get(name) ?? '');
    const uris = words('uris');
    if (uris.length === 0 || /^(no|false|0)$/i.test(fields.get('enabled') ?? '')) return [];
    return [{ uris, suites: words('suites'), components: words('components'), options: fields }];
  });
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '');
}

/** A line that begins with white space goes on with the field before it. */
function fieldsOf(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of paragraph.split('\n')) {
    const [, key, value = ''] = /^([A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined) {
      name = key.toLowerCase();
      fields.set(name, value.trim());
    } else if (name !== '' && /^\s/.test(line)) {
      fields.set(name, `${fields.get(name)}\n${line.trim()}`.trim());
    }
  }
  return fields;
}
