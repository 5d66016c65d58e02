import type { CheckError } from '../../host/errors.ts';
import type { DirectoryEntry } from './filesystem.ts';
import { compareText } from './names.ts';

/** Without `.` and `..`, sorted; a name that stands there twice is refused. */
export function sortEntries(
  volume: { damaged(what: string): CheckError },
  entries: readonly DirectoryEntry[],
): DirectoryEntry[] {
  const named = entries.filter(entry => entry.name !== '.' && entry.name !== '..');
  named.sort((a, b) => compareText(a.name, b.name));
  for (let index = 1; index < named.length; index++) {
    if (named[index]?.name === named[index - 1]?.name) {
      throw volume.damaged(`a directory has the name ${JSON.stringify(named[index]?.name)} twice`);
    }
  }
  return named;
}
