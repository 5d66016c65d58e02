import { type FstabRow, parseFstab } from '../../../image/fstab-file.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

/** What is no disk and has no label. */
const VIRTUAL = [
  'tmpfs',
  'proc',
  'sysfs',
  'devpts',
  'devtmpfs',
  'cgroup2',
  'efivarfs',
  'hugetlbfs',
  'debugfs',
];
const NETWORK = ['nfs', 'nfs4', 'cifs', 'ceph', 'virtiofs', '9p'];

export const fstab: OfflineCheck = {
  ...OFFLINE,
  name: 'fstab',
  protects: 'The instance finds its filesystems by label or UUID, whatever the cloud calls its disk.',
  async look(image) {
    const rows = parseFstab((await image.content.text('/etc/fstab')) ?? '');
    const findings = rows.flatMap(row => complaint(image, row));
    const root = rows.some(row => row.point === '/');
    const missing = { what: '/etc/fstab', why: 'it has no line for /: the root would be mounted read-only' };
    return {
      findings: root ? findings : [...findings, missing],
      seen: rows.map(({ what, point }) => `${what} on ${point}`).join(', '),
    };
  },
};

function complaint({ manifest }: ImageUnderTest, { what, point, type, options }: FstabRow): Finding[] {
  if (VIRTUAL.includes(type) || NETWORK.includes(type) || options.includes('bind')) return [];
  const [, kind, value] = /^(LABEL|UUID|PARTUUID|PARTLABEL)="?([^"]+)"?$/i.exec(what) ?? [];
  if (kind === undefined || value === undefined) {
    return [
      { what: point, why: `it is mounted from ${what}, a name that another cloud or disk bus changes` },
    ];
  }
  const known = manifest.volumes.map(volume => (kind.toUpperCase() === 'LABEL' ? volume.label : volume.uuid));
  // The UUIDs and labels of partitions are not told by the manifest.
  if (/^PART/i.test(kind) || known.some(each => each?.toLowerCase() === value.toLowerCase())) return [];
  return [{ what: point, why: `it is mounted from ${what}, and nothing on the disk is called so` }];
}
