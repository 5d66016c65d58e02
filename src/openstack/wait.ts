import type { Context } from '../host/context.ts';
import { CloudError } from '../host/errors.ts';

export interface Waiting {
  /** What is waited for: `the image 3f… to become active`. */
  readonly what: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** Milliseconds between two looks, at first; it grows to eight times as much. */
  readonly every?: number;
}

/**
 * Looks until it is so.
 * @param look gives what was waited for, or a word on how it stands
 * @throws CloudError when it takes too long: what was waited for, and how it stood at last
 */
export async function waitFor<T>(
  context: Pick<Context, 'now' | 'sleep'>,
  { what, deadline, every = 500 }: Waiting,
  look: () => Promise<{ readonly done: T } | { readonly stands: string }>,
): Promise<T> {
  const end = context.now().getTime() + deadline;
  for (let delay = every; ; delay = Math.min(delay * 1.5, every * 8)) {
    const seen = await look();
    if ('done' in seen) return seen.done;
    const left = end - context.now().getTime();
    if (left <= 0) {
      throw new CloudError(`waited ${Math.round(deadline / 1000)} s for ${what}, and it is ${seen.stands}`, {
        advice: "look at the cloud's own logs, or allow more time",
      });
    }
    await context.sleep(Math.min(delay, left));
  }
}
