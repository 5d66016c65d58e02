import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Context } from './context.ts';

/** Where the user's own things live, by the XDG base directory specification. */
export interface Places {
  /** The tools tree and downloads; can be thrown away at any time. */
  readonly cache: string;
  /** The local test key, and what was learned of this host. */
  readonly state: string;
}

export function places(context: Pick<Context, 'env'>): Places {
  const home = context.env.HOME || homedir();
  // The specification has relative paths ignored; an empty variable is one too.
  const base = (path: string | undefined, ...usual: string[]) =>
    path !== undefined && isAbsolute(path) ? path : join(home, ...usual);
  return {
    cache: join(base(context.env.XDG_CACHE_HOME, '.cache'), 'image-factory'),
    state: join(base(context.env.XDG_STATE_HOME, '.local', 'state'), 'image-factory'),
  };
}
