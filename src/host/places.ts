import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context } from './context.ts';

/** Where the user's own things live, by the XDG base directory specification. */
export interface Places {
  /** The tools tree and downloads; can be thrown away at any time. */
  readonly cache: string;
  /** The local test key, and what was learned of this host. */
  readonly state: string;
}

export function places(context: Pick<Context, 'env'>): Places {
  const home = context.env.HOME ?? homedir();
  return {
    cache: join(context.env.XDG_CACHE_HOME ?? join(home, '.cache'), 'image-factory'),
    state: join(context.env.XDG_STATE_HOME ?? join(home, '.local', 'state'), 'image-factory'),
  };
}
