/** One version's entry of a Debian changelog, see deb-changelog(5). */
export interface ChangelogEntry {
  readonly version: string;
  /** The `* ...` items, each on one line. */
  readonly items: readonly string[];
  /** CVE numbers that the entry names, sorted. */
  readonly cves: readonly string[];
}

const HEAD = /^[a-z0-9][a-z0-9+.-]* \(([^)\s]+)\) [^;]*;/i;
const CVE = /\bCVE-\d{4}-\d{4,}\b/g;

/**
 * The entries of a changelog from the top down to a version, which is left out.
 * @param text the whole file
 * @param before version that was installed before; when it is not there, only the newest entry is given
 */
export function entriesSince(text: string, before: string): ChangelogEntry[] {
  const entries: { version: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const version = HEAD.exec(line)?.[1];
    if (version === before) return entries.map(finish);
    if (version !== undefined) entries.push({ version, lines: [] });
    else entries.at(-1)?.lines.push(line);
  }
  return entries.slice(0, 1).map(finish);
}

function finish({ version, lines }: { version: string; lines: readonly string[] }): ChangelogEntry {
  const items: string[] = [];
  for (const line of lines) {
    if (/^ -- /.test(line)) break;
    const words = line.trim();
    if (words === '') continue;
    if (/^[*+-] /.test(words) || items.length === 0) items.push(words.replace(/^[*+-] /, ''));
    else items.push(`${items.pop()} ${words}`);
  }
  return { version, items, cves: [...new Set(lines.join('\n').match(CVE) ?? [])].sort() };
}
