import { cloudConfig, onceAtBoot } from '../parts.ts';
import { defect, type GuestMutation } from '../types.ts';

/** Defects of disk and hardware. */
export const HARDWARE: readonly GuestMutation[] = [
  defect(
    [
      'root-grows',
      'a root that stays small',
      /did not grow/,
      plot => cloudConfig(plot, 'growth', { growpart: { mode: 'off' } }),
    ],
    // It is full, and so nothing that writes has an answer.
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
