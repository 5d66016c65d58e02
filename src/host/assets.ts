import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HostError } from './errors.ts';

/**
 * The root of this package: the folder that holds `dist/`, `elements/` and `examples/`. Found upward from
 * the program that was started, because a bundle does not know where its sources stood.
 */
export function packageRoot(from: string = process.argv[1] ?? process.cwd()): string {
  let folder = dirname(realpathSync(from));
  for (;;) {
    if (isOurs(folder)) return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new HostError(`no image-factory installation around ${from}`);
    folder = parent;
  }
}

function isOurs(folder: string): boolean {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return false;
  return (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'image-factory';
}

/** Absolute path of a file or folder of the package. */
export function asset(...parts: string[]): string {
  return join(packageRoot(), ...parts);
}
