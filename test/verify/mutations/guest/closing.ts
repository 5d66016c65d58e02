import { join } from 'node:path';
import { run } from '../../../../src/host/process.ts';
import { cloudConfig, sshdConfig, unit } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

/** After these nothing else can be asked. */
export const CLOSING: readonly GuestMutation[] = [
  defect(
    [
      'running',
      'a server that switches itself off',
      /QEMU ended with status 0/,
      plot => unit(plot, 'app-off.service', '[Service]\nExecStart=/bin/systemctl --no-block poweroff\n'),
    ],
    { closes: true },
  ),
  defect(
    [
      'address',
      'an sshd at another port',
      /does not lead to the guest/,
      plot => sshdConfig(plot, 'port', 'Port 2222'),
    ],
    { closes: true },
  ),
  defect(['ssh', 'a default user who is asked for a password', /sudo asks/, withoutSudo], { closes: true }),
  defect(['customer', 'a hook that no kernel gets past', /status 100: /, failingHook], { closes: true }),
  defect(
    ['customer', 'a boot menu that breaks when it is made anew', /gave up: Kernel panic/, brokenDefault],
    { closes: true },
  ),
  defect(
    ['secure-boot', 'a boot loader that was changed after it was signed', /no ssh within/, changedShim],
    { closes: true, firmware: 'uefi-secure' },
  ),
];

function withoutSudo(plot: Plot): Promise<void> {
  return cloudConfig(plot, 'sudo', { system_info: { default_user: { sudo: ['ALL=(ALL) ALL'] } } });
}

function failingHook(plot: Plot): Promise<void> {
  return plot.file('/etc/kernel/postinst.d/zz-app', '#!/bin/sh\nexit 1\n', 0o755);
}

/** The kernel then leaves its initramfs alone, and finds no root by its UUID. */
function brokenDefault(plot: Plot): Promise<void> {
  const line = 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT rdinit=/none"\n';
  return plot.file('/etc/default/grub.d/zz-app.cfg', line);
}

/** A byte in the middle of its code. */
async function changedShim(plot: Plot): Promise<void> {
  const file = join(plot.folder, 'shim.efi');
  const esp = `${plot.raw}@@${await plot.offsetOf('esp')}`;
  const loader = '::/EFI/BOOT/BOOTX64.EFI';
  await run(['mcopy', '-n', '-i', esp, loader, file]);
  await run(['dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'seek=65536', 'count=64', 'conv=notrunc']);
  await run(['mcopy', '-o', '-i', esp, file, loader]);
}
