import type { Entry } from '../../../image/read/filesystem.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';

const WORLD = 0o002;
const STICKY = 0o1000;

/** Folders that are everybody's by design; the sticky bit keeps each one's files his own. */
const SHARED = ['/tmp', '/var/tmp', '/run/lock', '/dev/shm', '/dev/mqueue', '/var/crash'];
/** Those below which services of a running system have such folders of their own. */
const SCRATCH = /^\/(?:tmp|var\/tmp|run)\/./;
/** As debootstrap makes them; in a running guest the kernel's own are mounted over them. */
const DEVICES = '/dev/';

export const worldWritable: OfflineCheck = {
  ...OFFLINE,
  name: 'world-writable',
  protects: 'No user of an instance can change a file that the system or another user relies on.',
  async look({ content }) {
    const entries = [...content.entries.values()];
    const findings = entries
      .filter(entry => (entry.mode & WORLD) !== 0 && !isMeant(entry))
      .map(({ path, type, mode }) => ({
        what: path,
        why: `everybody may write to this ${type} (${mode.toString(8).padStart(4, '0')})`,
      }));
    return {
      findings,
      seen: `${entries.length} files and folders, none writable for everybody but /tmp and its like`,
    };
  },
};

function isMeant({ path, type, mode }: Entry): boolean {
  // Who may connect to a socket is decided by whoever listens at it.
  if (type === 'symlink' || type === 'socket') return true;
  if (type === 'character') return path.startsWith(DEVICES);
  return type === 'directory' && (mode & STICKY) !== 0 && (SHARED.includes(path) || SCRATCH.test(path));
}
