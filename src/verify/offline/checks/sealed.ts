import { SEAL } from '../../../image/seal.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import { sealFindings } from './seal-findings.ts';

const MACHINE_ID = '/etc/machine-id';

export const sealed: OfflineCheck = {
  ...OFFLINE,
  name: 'sealed',
  protects: 'Nothing of the build stays in the image: no identity, log, cache, history or lease of it.',
  async look(image) {
    const all = await sealFindings(image, 'sealed');
    // Device nodes, as debootstrap makes them: in a running guest the kernel's own are mounted over them.
    const findings = all.filter(({ what }) => !isNode(what, image.content.entries.get(what)?.type));
    // Without the file, systemd cannot write an id into a read-only /etc.
    const marked = image.content.entries.get(MACHINE_ID)?.type === 'file';
    const missing = { what: MACHINE_ID, why: 'it is not there, not even empty: no marker of a first boot' };
    return {
      findings: marked ? findings : [...findings, missing],
      seen: `nothing of what ${SEAL.length} rules name`,
    };
  },
};

function isNode(path: string, type: string | undefined): boolean {
  return path.startsWith('/dev/') && type !== 'file';
}
