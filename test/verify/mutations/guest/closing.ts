import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../../src/host/process.ts';
import { FIRMWARE_CHECKS } from '../booting.ts';
import { cloudConfig, sshdConfig, unit } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

const NOT_UP = /no ssh within|gave up/;
/** Where UEFI looks on a disk of which it knows nothing. */
const LOADERS = '::/EFI/BOOT';

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
  defect(
    [
      'cloud-init',
      'a service before the last stage of cloud-init that never comes up',
      /cloud-init did not finish within \d+ s of power-on: it stopped in phase (?:cloud-init|login prompt)/,
      plot =>
        unit(
          plot,
          'app-stuck.service',
          '[Unit]\nBefore=cloud-final.service\n[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n',
        ),
    ],
    { closes: true },
  ),
  defect(['ssh', 'a default user who is asked for a password', /sudo asks/, withoutSudo], { closes: true }),
  defect(['customer', 'a hook that no kernel gets past', /status 100: /, failingHook], { closes: true }),
  defect(
    ['customer', 'a boot menu that breaks when it is made anew', /gave up: Kernel panic/, brokenDefault],
    { closes: true },
  ),
  defect(['customer-uefi', 'an ESP that nobody may write to', /status 100: /, readOnlyEsp], { closes: true }),
  defect(
    [
      'bios',
      'a GRUB for BIOS without the module of its menu',
      NOT_UP,
      plot => plot.remove('/boot/grub/i386-pc/normal.mod'),
    ],
    { closes: true, asked: FIRMWARE_CHECKS },
  ),
  defect(
    [
      'uefi',
      'an ESP without the GRUB that shim loads',
      NOT_UP,
      plot => onEsp(plot, 'mdel', `${LOADERS}/grubx64.efi`),
    ],
    {
      ...{ closes: true, asked: FIRMWARE_CHECKS },
      also: ['secure-boot'],
    },
  ),
  defect(['secure-boot', 'a boot loader that was changed after it was signed', NOT_UP, changedShim], {
    ...{ closes: true, asked: FIRMWARE_CHECKS },
  }),
];

function withoutSudo(plot: Plot): Promise<void> {
  return cloudConfig(plot, 'sudo', { system_info: { default_user: { sudo: ['ALL=(ALL) ALL'] } } });
}

function failingHook(plot: Plot): Promise<void> {
  return plot.file('/etc/kernel/postinst.d/zz-app', '#!/bin/sh\nexit 1\n', 0o755);
}

/** Where boot loaders are upgraded once they are installed. */
function readOnlyEsp(plot: Plot): Promise<void> {
  return plot.edit('/etc/fstab', text => text.replace(' umask=0077', ' ro,umask=0077'));
}

/** The kernel then leaves its initramfs alone, and finds no root by its UUID. */
function brokenDefault(plot: Plot): Promise<void> {
  const line = 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT rdinit=/none"\n';
  return plot.file('/etc/default/grub.d/zz-app.cfg', line);
}

/** In the text that it has for DOS, which is signed too: where nobody asks for a signature it works. */
async function changedShim(plot: Plot): Promise<void> {
  const file = join(plot.folder, 'shim.efi');
  const loader = `${LOADERS}/BOOTX64.EFI`;
  await onEsp(plot, 'mcopy', '-n', loader, file);
  const before = await readFile(file, 'latin1');
  await writeFile(file, before.replace('in DOS mode', 'in any mode'), 'latin1');
  await onEsp(plot, 'mcopy', '-o', file, loader);
}

async function onEsp(plot: Plot, program: string, ...words: readonly string[]): Promise<void> {
  await run([program, '-i', `${plot.raw}@@${await plot.offsetOf('esp')}`, ...words]);
}
