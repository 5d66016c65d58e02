import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../../src/host/errors.ts';
import { planOfBlockDeviceConfig } from '../../../src/image/block-device/plan.ts';
import { blockDeviceSize } from '../../../src/image/block-device/size.ts';
import { firmwaresOf, TYPES } from '../../../src/image/volume.ts';

const MIB = 1024 * 1024;

/** As diskimage-builder's elements block-device-mbr, -gpt and -efi have it. */
const MBR = `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: mbr
    partitions:
      - name: root
        flags: [ boot, primary ]
        size: 100%
        mkfs:
          mount:
            mount_point: /
            fstab:
              options: "defaults"
              fsck-passno: 1
`;
const EFI = `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: ESP
        type: 'EF00'
        size: 550MiB
        mkfs:
          type: vfat
          mount:
            mount_point: /boot/efi
            fstab:
              options: "defaults"
              fsck-passno: 2
      - name: BSP
        type: 'EF02'
        size: 8MiB
      - name: root
        type: '8300'
        size: 100%
        mkfs:
          type: ext4
          mount:
            mount_point: /
            fstab:
              options: "defaults"
              fsck-passno: 1
`;
/** The other spelling: every node names what it lies on. */
const FLAT = `
- local_loop: {name: image0}
- partitioning:
    base: image0
    label: gpt
    partitions:
      - {name: BSP, type: '0xEF02', size: 1MiB}
      - {name: data, size: 2G}
      - {name: root, size: 100%}
- mkfs: {name: root_fs, base: root, type: ext4, label: top, uuid: 6c0a3b4e-0000-4000-8000-000000000000, opts: "-i 4096 -J size=32 -m 2"}
- mkfs: {base: data, type: ext4}
- mount: {name: root_mount, base: root_fs, mount_point: /}
- mount: {base: mkfs_data, mount_point: /srv}
- fstab: {base: root_mount, options: "rw,noatime", dump-freq: 1, fsck-passno: 1}
`;

describe('a block-device configuration of diskimage-builder', () => {
  it('of an MBR disk', () => {
    expect(planOfBlockDeviceConfig(MBR)).toEqual({
      table: 'mbr',
      volumes: [
        {
          ...{ name: 'root', number: 1, type: '83', content: 'ext4', label: 'cloudimg-rootfs', active: true },
          mount: { point: '/', options: 'defaults', dump: 0, pass: 1 },
        },
      ],
    });
  });

  it('of a GPT disk that boots both ways', () => {
    const plan = planOfBlockDeviceConfig(EFI);
    expect(firmwaresOf(plan)).toEqual({ bios: true, uefi: true });
    expect(plan.volumes).toMatchObject([
      { number: 1, type: TYPES.gpt.esp, content: 'vfat', label: 'MKFS_ESP', bytes: 550 * MIB },
      { number: 2, type: TYPES.gpt.bios, content: 'bios-boot', bytes: 8 * MIB },
      { number: 3, type: TYPES.gpt.linux, content: 'ext4', label: 'cloudimg-rootfs' },
    ]);
    expect(plan.volumes[2]).not.toHaveProperty('bytes');
  });

  it('with nodes that name their base', () => {
    expect(planOfBlockDeviceConfig(FLAT).volumes).toEqual([
      expect.objectContaining({ content: 'bios-boot' }),
      expect.objectContaining({
        ...{ bytes: 2_000_000_000, label: 'mkfs_data', content: 'ext4' },
        mount: { point: '/srv', options: 'defaults', dump: 0, pass: 2 },
      }),
      {
        ...{ name: 'root', number: 3, type: TYPES.gpt.linux, content: 'ext4', label: 'top' },
        uuid: '6c0a3b4e-0000-4000-8000-000000000000',
        tuning: { bytesPerInode: 4096, journal: 32 * MIB, reserved: 2 },
        mount: { point: '/', options: 'rw,noatime', dump: 1, pass: 1 },
      },
    ]);
  });

  it('without partitions is a filesystem alone', () => {
    const config = '- local_loop: {name: a, mkfs: {name: mkfs_root, type: ext4, mount: {mount_point: /}}}';
    expect(planOfBlockDeviceConfig(config)).toMatchObject({
      table: 'none',
      volumes: [{ number: 0, content: 'ext4', label: 'cloudimg-rootfs' }],
    });
  });

  it('takes an XFS, with the label that diskimage-builder gives it', () => {
    const config = '- local_loop: {name: a, mkfs: {name: mkfs_root, type: xfs, mount: {mount_point: /}}}';
    expect(planOfBlockDeviceConfig(config).volumes).toMatchObject([{ content: 'xfs', label: 'img-rootfs' }]);
  });

  const gpt = (partition: string) =>
    `- local_loop: {name: a}\n- partitioning: {base: a, label: gpt, partitions: [${partition}]}`;

  it.each<[string, string, RegExp]>([
    ['LVM', `${EFI}- lvm: {name: lvm, base: [root]}`, /lvm needs the device-mapper/],
    ['an unknown node', `${MBR}- luks: {name: x}`, /it has a node luks/],
    ['two disks', `${MBR}- local_loop: {name: other}`, /two disks, image0 and other/],
    ['no disk', '- mkfs: {base: a}', /no local_loop/],
    ['a file', 'file:///etc/blockdevice.yaml', /names a file/],
    ['no YAML', '- [', /no YAML/],
    ['no list', 'local_loop: {}', /not a list/],
    ['a share of an unknown disk', gpt('{name: root, size: 40%}'), /the size "40%" of partition root/],
    ['two that take all', gpt('{name: x, size: 100%}, {name: y, size: 100%}'), /partition y asks for 100%/],
    ['a filesystem that cannot be made', gpt('{name: r, size: 1G, mkfs: {type: btrfs}}'), /filesystem btrfs/],
    ['options that are not known', gpt('{name: r, size: 1G, mkfs: {opts: -O ^64bit}}'), /opts "-O \^64bit"/],
    ['an unknown type', gpt("{name: r, size: 1G, type: 'A19D'}"), /unknown type A19D/],
    ['a misspelt key', gpt('{name: r, sise: 1G}'), /partitioning.partitions.0/],
    ['a filesystem on nothing', `${MBR}- mkfs: {base: home, type: ext4}`, /lies on home, which is not there/],
    [
      'a label that is too long',
      gpt('{name: r, size: 1G, mkfs: {label: seventeen-letters}}'),
      /too long for ext4/,
    ],
    [
      'a label that is too long for XFS',
      gpt('{name: r, size: 1G, mkfs: {type: xfs, label: cloudimg-rootfs}}'),
      /too long for xfs/,
    ],
    [
      'five partitions on MBR',
      `- local_loop: {name: a}\n- partitioning: {base: a, label: mbr, partitions: [${[1, 2, 3, 4, 5].map(n => `{name: p${n}, size: 1G}`).join(', ')}]}`,
      /need logical ones on MBR/,
    ],
  ])('with %s is refused by name', (_what, config, message) => {
    expect(() => planOfBlockDeviceConfig(config)).toThrow(DefinitionError);
    expect(() => planOfBlockDeviceConfig(config)).toThrow(message);
  });

  it('never fails in another way than by a DefinitionError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => {
        try {
          planOfBlockDeviceConfig(text);
        } catch (error) {
          expect(error).toBeInstanceOf(DefinitionError);
        }
      }),
    );
  });
});

it.each([
  ['550MiB', 550 * MIB],
  ['1.75TB', 1_750_000_000_000],
  ['2G', 2_000_000_000],
  ['1 GiB', 1024 * MIB],
  ['4096', 4096],
  ['40%', Number.NaN],
  ['', Number.NaN],
  ['0', Number.NaN],
  ['1X', Number.NaN],
])('the size %s is %d bytes', (text, bytes) => {
  expect(blockDeviceSize(text)).toBe(bytes);
});
