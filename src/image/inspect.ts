import { CheckError } from '../host/errors.ts';
import type { Entry } from './read/ext4/ext4.ts';
import { findUnsealed, type SealFinding } from './seal.ts';

/** The marker of a first boot must be there: without the file, systemd cannot write an id into a read-only /etc. */
const MACHINE_ID = '/etc/machine-id';

/** What of the build the finished image still carries, by the one seal list; empty when it is sealed. */
export function inspectSeal(entries: readonly Entry[]): SealFinding[] {
  return findUnsealed(
    entries.map(({ path, type, size }) => ({
      path: path.slice(1),
      type: type === 'file' ? 'f' : type,
      size,
    })),
  );
}

/**
 * @param entries all of the image's root filesystem, as `readDocuments` tells
 * @throws CheckError naming the first entries that should not be there, and why
 */
export function requireSealed(entries: readonly Entry[]): void {
  const findings = inspectSeal(entries);
  const [first, ...more] = findings;
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    throw new CheckError(`the image carries /${first.path} from its build: ${first.rule.why}${others}`, {
      advice: 'remove it in an element, or build the image again',
    });
  }
  if (!entries.some(entry => entry.path === MACHINE_ID && entry.type === 'file')) {
    throw new CheckError(`the image has no ${MACHINE_ID}, not even an empty one`, {
      advice: 'build the image again',
    });
  }
}
