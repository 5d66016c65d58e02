import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { TREE } from '../chroot.ts';
import { type Entries, merged, seconds } from './package-contents.ts';

/** Files of the tree with these dates, whole seconds; then the files of all packages, as dpkg lists them. */
const DATED = `cd "$1"
shift
for time; do
  find . -xdev ! -type d -newermt "@$((time - 1)).999999999" ! -newermt "@$time.999999999" -printf '%P\\n'
done
echo
cat var/lib/dpkg/info/*.list
`;

/**
 * A file that no package brought and that has the date of one that was read: a script may have copied it with its date
 * (`cp -p`), and would give it the later version's. undefined when there is none.
 * @param data what the earlier version brought
 * @param read files that were read while packages were configured
 */
export async function copiedWithDate(
  sandbox: Sandbox,
  data: Entries,
  read: ReadonlySet<string>,
): Promise<string | undefined> {
  const dates = [...data].flatMap(([path, { kind, time }]) =>
    kind === 'f' && read.has(merged(path)) ? [seconds(time)] : [],
  );
  if (dates.length === 0) return undefined;
  const { stdout } = await sandbox.run(['sh', '-c', DATED, 'dated', TREE, ...new Set(dates)]);
  return firstUnowned(stdout);
}

/** @param text paths below the tree, an empty row, then paths of packages */
export function firstUnowned(text: string): string | undefined {
  const rows = text.split('\n');
  const end = rows.indexOf('');
  const owned = new Set(rows.slice(end + 1).map(path => merged(path.slice(1))));
  return rows.slice(0, end).find(path => !owned.has(path) && !path.startsWith('var/lib/dpkg/info/'));
}
