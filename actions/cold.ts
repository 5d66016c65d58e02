import type { Context } from '../src/host/context.ts';

/** Whether a build goes without layers; CI systems say of themselves that they are one. */
export function isCold(
  { env }: Pick<Context, 'env'>,
  { cold, force }: { cold: 'auto' | 'true' | 'false'; force: boolean },
): boolean {
  return cold === 'auto' ? force || env.CI === 'true' : cold === 'true';
}
