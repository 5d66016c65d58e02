import { describe, expect, it } from 'vitest';
import type { Disk } from '../../src/definition/types.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { fstab } from '../../src/image/fstab.ts';
import { grubFilesCommand, grubModules, grubPrefix } from '../../src/image/grub.ts';
import { diskPlan } from '../../src/image/plan.ts';
import { firmwaresOf, volumesBelow } from '../../src/image/volume.ts';

const MIB = 1024 * 1024;
const DISK: Disk = {
  ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {}, compression: 'zstd' },
  ...{ reserve: 0, journal: 64 * MIB },
};

it.each([
  ['gpt-hybrid', { bios: true, uefi: true }],
  ['gpt-bios', { bios: true, uefi: false }],
  ['gpt-uefi', { bios: false, uefi: true }],
  ['mbr', { bios: true, uefi: false }],
  ['mbr-hybrid', { bios: true, uefi: true }],
  ['filesystem', { bios: false, uefi: false }],
] as const)('%s boots from %j', (layout, firmwares) => {
  expect(firmwaresOf(diskPlan({ ...DISK, layout }))).toEqual(firmwares);
});

it.each<[Partial<Disk>, string, string[]]>([
  [{}, '(,gpt1)/boot/grub', ['part_gpt', 'ext2']],
  [{ partitions: { boot: MIB } }, '(,gpt16)/grub', ['part_gpt', 'ext2']],
  [{ layout: 'mbr' }, '(,msdos1)/boot/grub', ['part_msdos', 'ext2']],
  [{ layout: 'mbr', partitions: { boot: MIB } }, '(,msdos2)/grub', ['part_msdos', 'ext2']],
])('GRUB finds its files on %j', (more, prefix, modules) => {
  const plan = diskPlan({ ...DISK, ...more });
  expect([grubPrefix(plan), grubModules(plan)]).toEqual([prefix, modules]);
});

it('puts into a core image what grub-install was asked for, by platform', () => {
  const requests = [
    { modules: ['lvm', 'part_msdos'] },
    { target: 'i386-pc', modules: ['mdraid1x'] },
    { target: 'x86_64-efi', modules: ['luks'] },
  ];
  const [bios, uefi, prefix, core, efi, uuid] = grubFilesCommand(diskPlan(DISK), requests, 'u-1').slice(4);
  expect(uuid).toBe('u-1');
  const [own, none] = grubFilesCommand(diskPlan(DISK), requests.slice(0, 2), 'u-1').slice(-2);
  expect(own?.split(' ')).toEqual(expect.arrayContaining(['part_gpt', 'ext2', 'fat', 'linux']));
  expect(none).toBe('');
  expect([bios, uefi, prefix]).toEqual(['true', 'true', '(,gpt1)/boot/grub']);
  expect(core).toBe('lvm part_msdos mdraid1x part_gpt ext2 biosdisk');
  expect(efi?.split(' ')).toEqual(['luks', 'part_gpt', 'ext2', 'search_fs_uuid']);
});

describe('fstab', () => {
  it('of an XFS, which knows no errors= and no fsck; /boot stays ext4', () => {
    const disk = { ...DISK, filesystem: 'xfs', partitions: { boot: MIB, var: MIB } } as const;
    expect(fstab(diskPlan(disk))).toBe(
      'LABEL=img-rootfs / xfs rw,discard,x-systemd.growfs 0 0\n' +
        'LABEL=boot /boot ext4 rw,discard 0 2\n' +
        'LABEL=UEFI /boot/efi vfat umask=0077 0 1\n' +
        'LABEL=var /var xfs rw,discard 0 0\n',
    );
    expect(grubModules(diskPlan(disk))).toEqual(['part_gpt', 'ext2']);
    expect(grubModules(diskPlan({ ...disk, partitions: {} }))).toEqual(['part_gpt', 'xfs']);
  });

  it('of the usual disk', () => {
    expect(fstab(diskPlan(DISK))).toBe(
      'LABEL=cloudimg-rootfs / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1\n' +
        'LABEL=UEFI /boot/efi vfat umask=0077 0 1\n',
    );
  });

  it('mounts what lies in something after it, and swap last', () => {
    const partitions = { boot: MIB, var: MIB, home: MIB, swap: MIB };
    const points = fstab(diskPlan({ ...DISK, partitions }))
      .trim()
      .split('\n')
      .map(line => line.split(' ')[1]);
    expect(points).toEqual(['/', '/boot', '/boot/efi', '/home', '/var', 'none']);
  });
});

it('knows which volumes lie inside of another', () => {
  const plan = diskPlan({ ...DISK, partitions: { boot: MIB, var: MIB } });
  const below = Object.fromEntries(plan.volumes.map(each => [each.name, volumesBelow(plan, each)]));
  expect(below).toEqual({
    ...{ bios: [], esp: [], var: [] },
    ...{ boot: ['/boot/efi'], root: ['/var', '/boot', '/boot/efi'] },
  });
});

it.each<[Partial<Disk>, RegExp]>([
  [{ layout: 'filesystem', partitions: { swap: MIB } }, /filesystem has no partitions/],
  [{ layout: 'mbr', partitions: { boot: MIB, var: MIB, home: MIB, swap: MIB } }, /four? .*|4 primary/],
  [
    { config: '- local_loop: {name: a}\n- mkfs: {base: a, type: ext4, mount: {mount_point: /srv}}' },
    /no root/,
  ],
])('refuses %j', (more, message) => {
  expect(() => diskPlan({ ...DISK, ...more })).toThrow(DefinitionError);
  expect(() => diskPlan({ ...DISK, ...more })).toThrow(message);
});
