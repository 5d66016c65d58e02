/**
 * Of what `apt-cache policy` tells, the packages whose candidate comes from one of these archives.
 * @param uris as they stand in the sources
 */
export function candidatesFrom(policy: string, uris: readonly string[]): string[] {
  return policy.split(/^(?=\S)/m).flatMap(block => {
    const name = /^(\S+):$/m.exec(block)?.[1];
    const candidate = /^ {2}Candidate: (\S+)$/m.exec(block)?.[1];
    if (name === undefined || candidate === undefined) return [];
    const isOurs = versionsOf(block).some(
      ({ version, origins }) => version === candidate && origins.some(each => uris.includes(each)),
    );
    return isOurs ? [name] : [];
  });
}

/** The version table: a row of a version, then further indented rows of its origins. */
function versionsOf(block: string): { version: string; origins: string[] }[] {
  const found: { version: string; origins: string[] }[] = [];
  for (const row of block.slice(block.indexOf('Version table:')).split('\n')) {
    const version = /^ (?:\*\*\*| {3}) (\S+)(?: -?\d+)?$/.exec(row)?.[1];
    if (version !== undefined) found.push({ version, origins: [] });
    const origin = /^ {8,} *-?\d+ (\S+)/.exec(row)?.[1];
    if (origin !== undefined) found.at(-1)?.origins.push(origin.replace(/\/+$/, ''));
  }
  return found;
}
