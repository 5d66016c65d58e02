import { cloudConfig, mask, onceAtBoot, unit } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

const MENU = '/boot/grub/grub.cfg';

/** Defects of what starts by itself. */
export const STARTING: readonly GuestMutation[] = [
  // What cloud-init says of itself is asked by both.
  defect(['cloud-init', 'a time zone that there is not', /No\/Where/, zone], {
    also: ['user-data', 'units', 'bios'],
  }),
  defect([
    'boot-time',
    'a service for which everything waits longer than it took so far',
    /ready after/,
    plot => onceAtBoot(plot, 'app-slow', 'sleep $((3 * $(cut -d . -f 1 /proc/uptime) / 2 + 30))'),
  ]),
  defect(
    [
      'units',
      'a service that fails',
      /app-broken\.service/,
      plot => unit(plot, 'app-broken.service', '[Service]\nExecStart=/bin/false\n'),
    ],
    { also: ['bios'] },
  ),
  defect([
    'kernel-log',
    'a program that the kernel kills for its memory',
    /oom-killer|Out of memory/,
    plot =>
      onceAtBoot(
        plot,
        'app-greedy',
        'sleep 60 & echo 1000 > /proc/$!/oom_score_adj; echo f > /proc/sysrq-trigger; wait',
        'OOMPolicy=continue\n',
      ),
  ]),
  defect(['user-data', "a cloud-init that leaves the customer's data alone", /user-data/, noUserData], {
    also: ['drive-metadata', 'service-metadata'],
  }),
  defect(
    [
      'vendor-data',
      "a cloud-init that leaves the operator's data alone",
      /vendor-data/,
      plot => cloudConfig(plot, 'vendor', { vendor_data: { enabled: false } }),
    ],
    { also: ['drive-metadata', 'service-metadata'] },
  ),
  defect(
    [
      'host-name',
      'a name that stays',
      /its name is/,
      plot => cloudConfig(plot, 'name', { preserve_hostname: true }),
    ],
    { also: ['twins'] },
  ),
  defect(['console', 'a kernel that knows no serial console', /console log/, withoutSerialConsole]),
  defect([
    'login-prompt',
    'no getty on the serial console',
    /the login prompt was not reached/,
    plot => mask(plot, 'serial-getty@ttyS0.service'),
  ]),
];

function zone(plot: Plot): Promise<void> {
  return cloudConfig(plot, 'zone', { timezone: 'No/Where' });
}

function noUserData(plot: Plot): Promise<void> {
  return cloudConfig(plot, 'user', { allow_userdata: false });
}

function withoutSerialConsole(plot: Plot): Promise<void> {
  return plot.edit(MENU, text => text.replaceAll(/console=ttyS0\S*/g, ''));
}
