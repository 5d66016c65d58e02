import { join } from 'node:path';
import { expect, it } from 'vitest';
import { grubRequest, writeStandIns } from '../../src/build/stand-ins.ts';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';

const DISK = { rootUuid: '3d0fbd4f-33b1-8a2a-9a55-0123456789ab', label: 'cloudimg-rootfs' };

// What grub-mkconfig and grub-install's scripts ask for, of a path or a device.
it.each([
  ['fs', 'ext2'],
  ['fs_uuid', DISK.rootUuid],
  ['fs_label', DISK.label],
  ['device', `/dev/disk/by-label/${DISK.label}`],
  ['disk', '/dev/vda'],
  ['drive', '(hd0,gpt1)'],
  ['partmap', 'gpt'],
  ['compatibility_hint', 'hd0,gpt1'],
  ['bios_hints', 'hd0,gpt1'],
  ['efi_hints', 'hd0,gpt1'],
  ['baremetal_hints', 'ahci0,gpt1'],
  ['hints_string', '--hint-bios=hd0,gpt1 --hint-efi=hd0,gpt1 --hint-baremetal=ahci0,gpt1'],
  ['abstraction', ''],
  ['cryptodisk_uuid', ''],
])('grub-probe says of the disk that will be: %s', (target, wanted) =>
  inTemporary(async folder => {
    await writeStandIns(folder, DISK);
    for (const words of [
      [`--target=${target}`, '/'],
      ['--target', target, '/'],
      ['-t', target, '/boot'],
      ['--device', '/dev/vda1', `--target=${target}`],
    ]) {
      const { stdout } = await run([join(folder, 'grub-probe'), ...words]);
      expect(stdout.trim()).toBe(wanted);
    }
  }),
);

it('grub-probe tells the file system when nothing is named, and all can be read by any shell', () =>
  inTemporary(async folder => {
    await writeStandIns(folder, DISK);
    expect((await run([join(folder, 'grub-probe'), '/'])).stdout).toBe('ext2\n');
    for (const name of ['grub-probe', 'grub-install', 'grub-mkconfig'])
      await run(['dash', '-n', join(folder, name)]);
  }));

// What diskimage-builder's element bootloader calls, for a disk that boots both ways.
it.each([
  [
    ['--modules=part_msdos part_gpt lvm biosdisk', '--force', '/dev/image'],
    { modules: ['part_msdos', 'part_gpt', 'lvm', 'biosdisk'], removable: false },
  ],
  [
    ['--modules', 'lvm', '--target=i386-pc', '/dev/image'],
    { target: 'i386-pc', modules: ['lvm'], removable: false },
  ],
  [['--removable', '--target', 'x86_64-efi'], { target: 'x86_64-efi', modules: [], removable: true }],
])('grub-install %j is read', (words, wanted) => {
  expect(grubRequest(words)).toEqual({ ...wanted, words });
});
