import type { Entry } from '../../../image/read/filesystem.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding } from '../types.ts';
import { PRIVILEGED } from './privileged-programs.ts';

const SETUID = 0o4000;
const SETGID = 0o2000;
const CAPABILITY = 'security.capability';

export const setId: OfflineCheck = {
  ...OFFLINE,
  name: 'set-id',
  protects: 'No program gives its caller more rights than he has, but those that the distribution means to.',
  async look({ content }) {
    const privileged = [...content.entries.values()].filter(entry => powerOf(entry) !== undefined);
    return {
      findings: privileged.flatMap(complaint),
      seen: `${privileged.length} programs with setuid, setgid or capabilities, all known`,
    };
  },
};

/** On a folder, setgid hands its group to new files and is no power. */
function powerOf({ type, mode, attributes }: Entry): string | undefined {
  if (type !== 'file') return undefined;
  if ((mode & SETUID) !== 0) return 'setuid';
  if ((mode & SETGID) !== 0) return 'setgid';
  return attributes.has(CAPABILITY) ? 'a capability' : undefined;
}

function complaint(entry: Entry): Finding[] {
  const { path, uid, mode } = entry;
  const power = powerOf(entry) ?? '';
  const reason = PRIVILEGED.get(path);
  const written = mode.toString(8).padStart(4, '0');
  if (reason === undefined) return [{ what: path, why: `an unknown program with ${power} (${written})` }];
  if (uid !== 0) return [{ what: path, why: `a program with ${power} that user ${uid} owns` }];
  if ((mode & 0o022) !== 0)
    return [{ what: path, why: `a program with ${power} that others may change (${written})` }];
  return [];
}
