import { inspectSeal } from '../../../image/inspect.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

/** Which check speaks of a path that the seal list names. */
export type SealPart = 'host-keys' | 'logins' | 'sealed';

/** What of the build the image still carries, by the one seal list, as far as a check speaks of it. */
export async function sealFindings(image: ImageUnderTest, part: SealPart): Promise<Finding[]> {
  return inspectSeal(await image.documents(), image.logins)
    .filter(({ path }) => partOf(path) === part)
    .map(({ path, rule }) => ({ what: `/${path}`, why: rule.why }));
}

function partOf(path: string): SealPart {
  if (path.startsWith('etc/ssh/')) return 'host-keys';
  return /(^etc\/(passwd|shadow|gshadow)$)|(\/\.ssh\/)/.test(path) ? 'logins' : 'sealed';
}
