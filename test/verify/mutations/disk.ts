import { run } from '../../../src/host/process.ts';
import { caughtBy, type Mutation } from './types.ts';

const MENU = '/boot/grub/grub.cfg';

/** Defects of filesystems, boot loaders and mounts. */
export const DISK_MUTATIONS: readonly Mutation[] = [
  ...caughtBy('filesystem', [
    [
      'a file that no folder holds',
      /root: e2fsck says: Unattached inode/,
      async plot => {
        await plot.file('/orphan', 'lost\n');
        plot.request('unlink /orphan', { last: true });
      },
    ],
    [
      'two file allocation tables that differ',
      /esp: fsck\.fat says/,
      async plot => plot.overwrite((await plot.offsetOf('esp')) + 32 * 512 + 64, Buffer.alloc(16, 0x5a)),
    ],
  ]),
  ...caughtBy('bootable', [
    ['no boot code in the first sector', /boot-sector/, plot => plot.overwrite(0, Buffer.alloc(440))],
    [
      'a core image that lost a sector',
      /core-image/,
      async plot => plot.overwrite((await plot.offsetOf('bios')) + 4 * 512, Buffer.alloc(512)),
    ],
    [
      'no boot loader where any UEFI looks',
      /BOOTX64\.EFI/,
      async plot => {
        await run(['mdel', '-i', `${plot.raw}@@${await plot.offsetOf('esp')}`, '::/EFI/BOOT/BOOTX64.EFI']);
      },
    ],
    [
      'no initramfs',
      /\/boot\/initrd\.img-\S+: the boot menu names it/,
      async plot => plot.remove((/initrd\s+(\S+)/.exec(await plot.read(MENU)) ?? [])[1] ?? ''),
    ],
    [
      'a boot menu for another root',
      /a root called other/,
      plot => plot.edit(MENU, text => text.replaceAll('root=LABEL=cloudimg-rootfs', 'root=LABEL=other')),
    ],
  ]),
  ...caughtBy('fstab', [
    [
      "a root by the disk's name in fstab",
      /\/: it is mounted from \/dev\/vda1/,
      plot => plot.edit('/etc/fstab', text => text.replace('LABEL=cloudimg-rootfs', '/dev/vda1')),
    ],
    [
      'a label in fstab that nothing has',
      /\/boot\/efi: .* nothing on the disk/,
      plot => plot.edit('/etc/fstab', text => text.replace('LABEL=UEFI', 'LABEL=EFI')),
    ],
  ]),
];
