import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grubRequest, probedDisk, writeStandIns } from '../../src/build/stand-ins.ts';
import { run } from '../../src/host/process.ts';
import { diskPlan } from '../../src/image/plan.ts';
import { inTemporary } from '../host/support.ts';
import { LINE } from './support.ts';

const ROOT = {
  uuid: '3d0fbd4f-33b1-8a2a-9a55-0123456789ab',
  label: 'cloudimg-rootfs',
  number: 1,
  filesystem: 'xfs',
};
const BOOT = { uuid: '0e1fbd4f-33b1-8a2a-9a55-0123456789ab', label: 'boot', number: 2, filesystem: 'ext2' };
const DISK = { table: 'gpt', root: ROOT } as const;

// What grub-mkconfig and grub-install's scripts ask for, of a path or a device.
it.each([
  ['fs', 'xfs'],
  ['fs_uuid', ROOT.uuid],
  ['fs_label', ROOT.label],
  ['device', `/dev/disk/by-label/${ROOT.label}`],
  ['disk', '/dev/vda'],
  ['drive', '(hd0,gpt1)'],
  ['partmap', 'gpt'],
  ['hints_string', ''],
  ['compatibility_hint', ''],
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
    expect((await run([join(folder, 'grub-probe'), '/'])).stdout).toBe('xfs\n');
    for (const name of ['grub-probe', 'grub-install', 'grub-mkconfig'])
      await run(['dash', '-n', join(folder, name)]);
  }));

it('grub-probe knows no device of another name than a path, as the real one', () =>
  inTemporary(async folder => {
    await writeStandIns(folder, DISK);
    const words = ['--device', 'LABEL=cloudimg-rootfs', '--target=fs_uuid'];
    await expect(run([join(folder, 'grub-probe'), ...words])).rejects.toThrow(/status 1/);
  }));

// Devices are as grub-probe itself has named them.
it.each([
  [['--target=fs_uuid', '/'], ROOT.uuid],
  [['--target=fs_uuid', '/usr/share/grub'], ROOT.uuid],
  [['--target=fs_uuid', '/bootx'], ROOT.uuid],
  [['--target=fs_uuid', '/boot'], BOOT.uuid],
  [['--target=device', '/boot/grub'], '/dev/disk/by-label/boot'],
  [['--device', '/dev/disk/by-label/boot', '--target=fs_uuid'], BOOT.uuid],
  [['--device', `/dev/disk/by-label/${ROOT.label}`, '--target=fs_uuid'], ROOT.uuid],
  [['--target=partmap', '/boot'], 'msdos'],
  [['--target=drive', '/boot'], '(hd0,msdos2)'],
  [['--target=drive', '/'], '(hd0,msdos1)'],
])('grub-probe %j knows a /boot of its own on MBR', (words, wanted) =>
  inTemporary(async folder => {
    await writeStandIns(folder, { table: 'mbr', root: ROOT, boot: BOOT });
    expect((await run([join(folder, 'grub-probe'), ...words])).stdout.trim()).toBe(wanted);
  }),
);

it.each([
  ['/boot', ''],
  ['/boot/grub/../vmlinuz-6', '/vmlinuz-6'],
  ['/usr/share/grub', '/usr/share/grub'],
])('grub-mkrelpath of %s is a path of its own filesystem: %j', (path, wanted) =>
  inTemporary(async folder => {
    await writeStandIns(folder, { ...DISK, boot: BOOT });
    expect((await run([join(folder, 'grub-mkrelpath'), path])).stdout).toBe(`${wanted}\n`);
  }),
);

it('probedDisk tells of /boot where it has a filesystem of its own', () => {
  const disk = { ...LINE.disk, layout: 'mbr' } as const;
  expect(probedDisk(diskPlan(disk), 'a').boot).toBeUndefined();
  const own = probedDisk(diskPlan({ ...disk, partitions: { boot: 1 << 26 } }), 'a');
  expect(own).toMatchObject({ table: 'mbr', root: { number: 1 }, boot: { label: 'boot', number: 2 } });
});

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

describe('sysctl', () => {
  const sysctl = (words: readonly string[]) =>
    inTemporary(async folder => {
      await writeStandIns(folder, DISK);
      // Read-only, so that no host's kernel is told anything; a user namespace has keys that nobody in it may read.
      const script = 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$@"';
      const apart = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-euc', script, 'apart'];
      return run([...apart, join(folder, 'sysctl'), ...words], { accept: [0, 1, 255] });
    });

  it.each([
    [['-a'], 0, /^kernel\.ostype = Linux$/m],
    [['-n', 'kernel.ostype'], 0, /^Linux\n$/],
    [['-w', 'kernel.domainname=(none)'], 0, /^/],
    [['kernel.none_such'], 1, /^$/],
    [['-w', 'kernel.none_such=1'], 1, /^$/],
  ])('%j ends with %i', async (words, status, said) => {
    const result = await sysctl(words);
    expect(result.status === 0 ? 0 : 1, result.stderr).toBe(status);
    expect(result.stdout).toMatch(said);
  });
});
