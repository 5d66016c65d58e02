/** dpkg's paragraphs: its status file, and the control file of a package. */
export type Fields = ReadonlyMap<string, string>;

/** @param paragraph of `Field: value` lines; a value keeps its further lines as they are */
export function parseFields(paragraph: string): Fields {
  const fields = paragraph.trimEnd().split(/\n(?![ \t])/);
  return new Map(
    fields.map(row => {
      const colon = row.indexOf(':');
      return [row.slice(0, colon), row.slice(colon + 1).replace(/^ /, '')];
    }),
  );
}

/** Fields in which packages name others; these decide in which order dpkg unpacks and configures. */
const RELATIONS = [
  ...['Pre-Depends', 'Depends', 'Recommends', 'Suggests', 'Enhances'],
  ...['Conflicts', 'Breaks', 'Replaces', 'Provides'],
];

/** Fields that say what a package is to the others. */
const PLACE = ['Package', 'Architecture', 'Essential', 'Protected', 'Priority', 'Multi-Arch'];

/** The first field by which dpkg may treat a later version of a package otherwise; undefined when there is none. */
export function differentPlace(before: Fields, now: Fields): string | undefined {
  const names = [...before.keys(), ...now.keys()];
  const gone = names.find(name => before.has(name) !== now.has(name));
  if (gone !== undefined) return gone;
  const unversioned = (text = '') => text.replace(/\s*\([^)]*\)/g, '').replace(/\s+/g, ' ');
  return (
    PLACE.find(name => before.get(name) !== now.get(name)) ??
    RELATIONS.find(name => unversioned(before.get(name)) !== unversioned(now.get(name)))
  );
}

/**
 * dpkg's status file with later versions of packages in it.
 * @param packages control files by the name of the package: of the version that stands there, and of the later one
 * @returns undefined where dpkg has written a field otherwise than the package does, or has a package otherwise
 */
export function withLaterVersions(
  status: string,
  packages: ReadonlyMap<string, { readonly before: Fields; readonly now: Fields }>,
): string | undefined {
  const waiting = new Set(packages.keys());
  const paragraphs = status.split('\n\n').map(paragraph => {
    const name = /^Package: (.*)$/m.exec(paragraph)?.[1] ?? '';
    const change = packages.get(name);
    if (change === undefined) return paragraph;
    const later = laterParagraph(paragraph, change.before, change.now);
    if (later !== undefined) waiting.delete(name);
    return later;
  });
  return waiting.size > 0 ? undefined : paragraphs.join('\n\n');
}

/** What dpkg adds to the fields of a package. */
const OWN = new Set(['Status', 'Conffiles']);

function laterParagraph(paragraph: string, before: Fields, now: Fields): string | undefined {
  const stands = parseFields(paragraph);
  if (stands.get('Status') !== 'install ok installed') return undefined;
  const others = [...stands.keys()].filter(name => !OWN.has(name));
  const isTheirs =
    others.length === before.size && others.every(name => stands.get(name) === before.get(name));
  if (!isTheirs) return undefined;
  return [...stands]
    .map(([name, value]) => `${name}:${spaced(OWN.has(name) ? value : (now.get(name) ?? ''))}`)
    .join('\n')
    .concat(paragraph.endsWith('\n') ? '\n' : '');
}

/** A value that begins in the next line has no space before. */
function spaced(value: string): string {
  return value.startsWith('\n') ? value : ` ${value}`;
}
