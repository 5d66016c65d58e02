import { cloudConfig, onceAtBoot } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

/** Boot loaders in their packages' folders, which a boot does not read. */
const UNUSED = ['grubx64.efi', 'grubnetx64.efi', 'grubnetx64-installer.efi', 'gcdx64.efi'];

/** Defects of disk and hardware. */
export const HARDWARE: readonly GuestMutation[] = [
  defect(
    ['root-grows', 'a root that stays small', /did not grow/, smallRoot],
    // It is all but full, which whatever writes may notice.
    { closes: true },
  ),
  defect([
    'root-filesystem',
    'a filesystem in which the kernel saw errors',
    /saw 3 errors/,
    plot => plot.request('set_super_value error_count 3', { last: true }),
  ]),
  defect([
    'discard',
    'a disk to which nothing is given back',
    /fstrim|MiB reached the disk/,
    plot =>
      plot.file(
        '/etc/udev/rules.d/99-app.rules',
        'SUBSYSTEM=="block", KERNEL=="vd?", ATTR{queue/discard_max_bytes}="0"\n',
      ),
  ]),
  defect([
    'restart',
    'host keys that are made anew at every boot',
    /another host keys/,
    plot => onceAtBoot(plot, 'app-keys', 'rm -f /etc/ssh/ssh_host_*; ssh-keygen -A'),
  ]),
  defect([
    'power-off',
    'a power button without effect',
    /still on 120 s/,
    plot => plot.file('/etc/systemd/logind.conf.d/app.conf', '[Login]\nHandlePowerKey=ignore\n'),
  ]),
];

/** With room for a boot's own logs: an image is as large as what is in it, and a full disk is another defect. */
async function smallRoot(plot: Plot): Promise<void> {
  for (const folder of ['x86_64-efi/monolithic', 'x86_64-efi-signed']) {
    for (const name of UNUSED) plot.remove(`/usr/lib/grub/${folder}/${name}`);
    for (const name of UNUSED) plot.remove(`/usr/lib/grub/${folder}/${name}.signed`);
  }
  await cloudConfig(plot, 'growth', { growpart: { mode: 'off' } });
}
