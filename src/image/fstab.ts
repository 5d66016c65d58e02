import type { DiskPlan, Volume } from './volume.ts';

const KIND: Readonly<Partial<Record<Volume['content'], string>>> = {
  ext4: 'ext4',
  xfs: 'xfs',
  vfat: 'vfat',
  swap: 'swap',
};

/** The text of /etc/fstab: the root first, what is mounted below something after it. */
export function fstab(plan: DiskPlan): string {
  const rows = plan.volumes.flatMap(volume => row(volume) ?? []);
  return rows
    .sort((a, b) => a.order.localeCompare(b.order, 'en'))
    .map(({ text }) => `${text}\n`)
    .join('');
}

function row({ label, content, mount }: Volume): { order: string; text: string } | undefined {
  const kind = KIND[content];
  if (mount === undefined || kind === undefined) return undefined;
  const { point, options, dump, pass } = mount;
  // Swap has no place in the tree, and comes last.
  const order = point.startsWith('/') ? point : `~${label}`;
  return { order, text: `LABEL=${label} ${point} ${kind} ${options} ${dump} ${pass}` };
}
