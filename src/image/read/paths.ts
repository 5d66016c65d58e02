import type { Entry } from './filesystem.ts';

const MOST_LINKS = 40;

/** Every entry of a tree by its path. */
export type Entries = ReadonlyMap<string, Entry>;

/**
 * Where a path leads when the symlinks in its folders are followed inside the image; with `followLast` the last
 * name's too. What does not exist is taken as it is written.
 */
export function resolvePath(entries: Entries, path: string, followLast = false): string {
  const rest = split(path).reverse();
  const done: string[] = [];
  let followed = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '..') {
      done.pop();
      continue;
    }
    const here = `/${[...done, name].join('/')}`;
    const target = rest.length > 0 || followLast ? entries.get(here)?.target : undefined;
    if (target === undefined || ++followed > MOST_LINKS) {
      done.push(name);
      continue;
    }
    if (target.startsWith('/')) done.length = 0;
    rest.push(...split(target).reverse());
  }
  return `/${done.join('/')}`;
}

function split(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}
