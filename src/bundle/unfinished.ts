import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertOwnFolder, writeNew } from './files.ts';
import { encodePlace, statementsPath } from './names.ts';

/** Beside the statements, and none of them: nobody signed it, and nobody who judges a bundle reads it. */
const UNFINISHED = 'unfinished';

/**
 * Keeps what a guest wrote until its run was broken off: `statements/unfinished/PLACE/NAME`, in place of what an earlier run left
 * by that name.
 * @returns its path
 */
export async function keepUnfinished(
  bundle: string,
  place: string,
  name: string,
  text: string,
): Promise<string> {
  const folder = join(statementsPath(bundle), UNFINISHED, encodePlace(place));
  for (const above of [statementsPath(bundle), join(statementsPath(bundle), UNFINISHED), folder]) {
    await assertOwnFolder(above);
  }
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await rm(path, { force: true });
  await writeNew(path, text);
  return path;
}

/** A run of this place came to its end. */
export async function forgetUnfinished(bundle: string, place: string): Promise<void> {
  const all = join(statementsPath(bundle), UNFINISHED);
  await assertOwnFolder(all);
  await rm(join(all, encodePlace(place)), { recursive: true, force: true });
  // Another place may have some left.
  await rmdir(all).catch(() => {});
}
