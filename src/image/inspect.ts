import { CheckError } from '../host/errors.ts';
import type { Documents } from './documents.ts';
import type { Logins } from './logins.ts';
import { findUnsealed, type SealFinding } from './seal.ts';

/** The marker of a first boot must be there: without the file, systemd cannot write an id into a read-only /etc. */
const MACHINE_ID = '/etc/machine-id';

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

/**
 * @param image all of its root filesystem, as `readDocuments` tells
 * @param asked who may log in, by the factory file; absent: nobody
 * @throws CheckError naming the first entries that should not be there, and why
 */
export function requireSealed(image: Inspected, asked?: Logins): void {
  const findings = inspectSeal(image, asked);
  const [first, ...more] = findings;
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    throw new CheckError(`the image carries /${first.path} from its build: ${first.rule.why}${others}`, {
      advice: 'remove it in an element, or build the image again',
    });
  }
  if (!image.entries.some(entry => entry.path === MACHINE_ID && entry.type === 'file')) {
    throw new CheckError(`the image has no ${MACHINE_ID}, not even an empty one`, {
      advice: 'build the image again',
    });
  }
}
