import type { Documents } from './documents.ts';
import type { Logins } from './logins.ts';
import { findUnsealed, type SealFinding } from './seal.ts';

type Inspected = Pick<Documents, 'entries' | 'judged'>;

/** What of the build the finished image still carries, by the one seal list; empty when it is sealed. */
export function inspectSeal({ entries, judged }: Inspected, asked?: Logins): SealFinding[] {
  return findUnsealed(
    entries.map(({ path, type, size }) => {
      const content = judged.get(path);
      const seen = { path: path.slice(1), type: type === 'file' ? 'f' : type, size };
      return content === undefined ? seen : { ...seen, content };
    }),
    asked,
  );
}
