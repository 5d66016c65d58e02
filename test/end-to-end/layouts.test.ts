import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { TREE } from '../../src/build/chroot.ts';
import { buildDisk } from '../../src/build/disk.ts';
import type { Disk } from '../../src/definition/types.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { withImageTree } from '../../src/image/documents.ts';
import { SECTOR } from '../../src/image/read/disk.ts';
import { LINE } from '../build/support.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const MIB = 1024 * 1024;
const SECRET = 'correct horse battery staple';

const CONFIG = `
- local_loop: {name: image0}
- partitioning:
    base: image0
    label: gpt
    partitions:
      - {name: ESP, type: 'EF00', size: 80MiB, mkfs: {type: vfat, mount: {mount_point: /boot/efi}}}
      - {name: BSP, type: 'EF02', size: 8MiB}
      - {name: root, size: 100%, mkfs: {type: ext4, mount: {mount_point: /}}}
`;

const DISKS: [string, Partial<Disk>][] = [
  ['gpt-hybrid', {}],
  [
    'gpt-hybrid, all apart',
    { partitions: { boot: 64 * MIB, var: 48 * MIB, home: 32 * MIB, swap: 16 * MIB } },
  ],
  ['gpt-bios', { layout: 'gpt-bios' }],
  ['gpt-uefi', { layout: 'gpt-uefi', partitions: { swap: 16 * MIB } }],
  ['mbr', { layout: 'mbr', partitions: { boot: 64 * MIB, swap: 16 * MIB } }],
  ['mbr-hybrid', { layout: 'mbr-hybrid' }],
  ['filesystem', { layout: 'filesystem' }],
  ['a block-device configuration', { config: CONFIG }],
];

/** Every layout of the same small tree, made in the real sandbox and judged by the tools of others. */
describe('a disk', () => {
  const { context } = recordingContext({ env: process.env });
  let workshop: OpenWorkshop;
  const out = () => join(workshop.work, 'out');
  const build = (disk: Partial<Disk>) =>
    buildDisk(
      context,
      workshop.sandbox,
      {
        line: { ...LINE, disk: { ...LINE.disk, journal: 4 * MIB, reserve: 8 * MIB, ...disk } },
        seed: 'seed',
        epoch: 1_700_000_000,
        out: out(),
      },
      new BuildLog(context, join(workshop.work, 'build.log')),
    );

  beforeAll(async () => {
    workshop = await openOwnWorkshop(context);
    const make = `set -eu
mkdir -p "$1"; cd "$1"
mkdir -p boot/grub etc var/lib home/me usr/share tmp
for name in boot/vmlinuz etc/passwd var/lib/state home/me/.profile usr/share/doc; do echo "content of $name" > $name; done
ln -s ../etc/passwd usr/share/link
yes "$2" | head -c 3000000 > etc/secret
ln etc/secret var/lib/secret-too
sync; rm etc/secret var/lib/secret-too
find . -exec touch --no-dereference -d @1600000000 {} +`;
    await workshop.sandbox.run(['sh', '-c', make, 'make', TREE, SECRET]);
  });

  afterAll(() => workshop?.close());

  it.each(DISKS)('%s: other tools find it clean, and all files are in it', async (_what, disk) => {
    const { raw, layout } = await build(disk);
    if (layout.table !== 'none') {
      expect((await run(['sfdisk', '--verify', raw])).stdout).toMatch(/No errors detected/);
    }
    if (layout.table === 'gpt') {
      expect((await run(['sgdisk', '--verify', raw])).stdout).toMatch(/No problems found/);
    }
    for (const { start, size, content, label, uuid } of layout.volumes) {
      const part = join(workshop.work, 'part');
      const place = [`skip=${start / 2048}`, `count=${size / 2048}`];
      await run(['dd', `if=${raw}`, `of=${part}`, 'bs=1M', 'conv=sparse', ...place]);
      const told = await run(['blkid', '--probe', '--output', 'export', part], { accept: [0, 2] });
      if (content === 'ext4') await run(['e2fsck', '-fn', part]);
      if (content === 'vfat') await run(['fsck.vfat', '-n', part]);
      if (content === 'ext4' || content === 'swap') {
        expect(told.stdout).toContain(`TYPE=${content}`);
        expect(told.stdout).toContain(`LABEL=${label}`);
        expect(told.stdout).toContain(`UUID=${uuid}`);
      }
      await rm(part);
      expect(size * SECTOR).toBeGreaterThan(0);
    }
    const filesystems = layout.volumes.flatMap(({ number: partition, content, mount }) =>
      content === 'ext4' && mount !== undefined ? [{ partition, mountPoint: mount.point }] : [],
    );
    const files = await withImageTree(raw, filesystems, async tree => {
      const found: string[] = [];
      for await (const { entry } of tree.walk()) if (entry.type !== 'directory') found.push(entry.path);
      expect((await tree.readFile('/var/lib/state', 100))?.toString()).toBe('content of var/lib/state\n');
      expect((await tree.readFile('/boot/vmlinuz', 100))?.toString()).toBe('content of boot/vmlinuz\n');
      return found.sort();
    });
    expect(files).toEqual([
      ...['/boot/vmlinuz', '/etc/passwd', '/home/me/.profile', '/usr/share/doc', '/usr/share/link'],
      '/var/lib/state',
    ]);
  });

  it('holds nothing of files that were deleted before it was made, in free blocks neither', async () => {
    const { raw } = await build({});
    expect((await readFile(raw)).includes(SECRET)).toBe(false);
    // The judge sees it where it is.
    await workshop.sandbox.run(['sh', '-c', 'echo "$2" > "$1/etc/kept"', 'keep', TREE, SECRET]);
    const again = await build({});
    expect((await readFile(again.raw)).includes(SECRET)).toBe(true);
    await workshop.sandbox.run(['rm', `${TREE}/etc/kept`]);
  });

  it('is the same, byte for byte, each time', async () => {
    const disk = { partitions: { boot: 64 * MIB, swap: 16 * MIB } };
    const first = await readFile((await build(disk)).raw);
    const again = await readFile((await build(disk)).raw);
    expect(first.equals(again)).toBe(true);
  });

  it('refuses a partition that is smaller than what is to be in it, and says how large it must be', async () => {
    const fill = 'yes | head -c 40000000 > "$1/var/large"';
    await workshop.sandbox.run(['sh', '-c', fill, 'fill', TREE]);
    const making = build({ partitions: { var: 32 * MIB } });
    await expect(making).rejects.toThrow(DefinitionError);
    await expect(making).rejects.toThrow(/the partition var of 32 MiB is too small for \/var of the tree/);
    await workshop.sandbox.run(['rm', `${TREE}/var/large`]);
  });
});
