import { run } from '../../../host/process.ts';
import { bootSector, holdsCore } from '../../../image/boot-code.ts';
import { diskPlan } from '../../../image/plan.ts';
import { type Disk, openDisk, SECTOR } from '../../../image/read/disk.ts';
import { findPartition } from '../../../image/read/partitions.ts';
import { firmwaresOf } from '../../../image/volume.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

const MENU = '/boot/grub/grub.cfg';
const GRUB = '/boot/grub/i386-pc';
const REMOVABLE = '/EFI/BOOT/BOOTX64.EFI';

export const bootable: OfflineCheck = {
  ...OFFLINE,
  name: 'bootable',
  protects: 'Whatever firmware the cloud has, it finds a boot loader, and that finds a kernel and its root.',
  async look(image) {
    const { bios, uefi } = firmwaresOf(diskPlan(image.line.disk));
    const disk = await openDisk(image.raw);
    try {
      const findings = [
        ...(bios || uefi ? await menuComplaints(image) : []),
        ...(bios ? await biosComplaints(image, disk) : []),
        ...(uefi ? await uefiComplaints(image, disk) : []),
      ];
      const firmwares = [...(bios ? ['BIOS'] : []), ...(uefi ? ['UEFI'] : [])];
      return {
        findings,
        seen: `boot loader for ${firmwares.join(' and ') || 'no firmware, as its layout says'}`,
      };
    } finally {
      await disk.close();
    }
  },
};

/** Every kernel and initramfs of the menu is there, and every root it names stands on the disk. */
async function menuComplaints({ content, manifest }: ImageUnderTest): Promise<Finding[]> {
  const menu = await content.text(MENU);
  if (menu === undefined) return [{ what: MENU, why: 'it is not there' }];
  const base = manifest.volumes.some(each => each.mountPoint === '/boot') ? '/boot' : '';
  const files = [...menu.matchAll(/^\s*(?:linux|initrd)\s+(\/\S+)/gm)].map(([, path = '']) => base + path);
  const gone = [...new Set(files)].filter(path => content.file(path) === undefined);
  const roots = [...menu.matchAll(/^\s*linux\s.*\broot=(?:LABEL|UUID)=(\S+)/gm)].map(([, name = '']) => name);
  const known = manifest.volumes.flatMap(({ label, uuid }) => [label, uuid]);
  const unknown = [...new Set(roots)].filter(name => !known.includes(name));
  return [
    ...(files.length === 0 ? [{ what: MENU, why: 'it names no kernel' }] : []),
    ...gone.map(path => ({ what: path, why: 'the boot menu names it, and it is not there' })),
    ...unknown.map(name => ({
      what: MENU,
      why: `it looks for a root called ${name}, which is not on the disk`,
    })),
  ];
}

/** What grub-install would have written stands in the first sector and where it points to. */
async function biosComplaints(image: ImageUnderTest, disk: Disk): Promise<Finding[]> {
  const [boot, core] = await Promise.all(
    ['boot.img', 'core.img'].map(name => bytes(image, `${GRUB}/${name}`)),
  );
  if (boot === undefined || core === undefined)
    return [{ what: GRUB, why: 'GRUB for BIOS is not installed there' }];
  const own = image.manifest.volumes.find(each => each.content === 'bios-boot');
  const start = own === undefined ? 1 : (await findPartition(disk, own.partition)).offset / SECTOR;
  const code = bootSector(boot, start);
  const sector = await disk.read(0, SECTOR);
  const found = await disk.read(start * SECTOR, Math.ceil(core.length / SECTOR) * SECTOR);
  return [
    ...(sector.subarray(0, code.length).equals(code)
      ? []
      : [{ what: 'boot-sector', why: "the first sector does not hold GRUB's boot code" }]),
    ...(holdsCore(found, core, start)
      ? []
      : [{ what: 'core-image', why: "GRUB's core image is not where the boot code looks for it" }]),
  ];
}

async function bytes({ content }: ImageUnderTest, path: string): Promise<Buffer | undefined> {
  const entry = content.file(path);
  if (entry === undefined) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of content.pieces(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function uefiComplaints({ context, manifest, raw }: ImageUnderTest, disk: Disk): Promise<Finding[]> {
  const esp = manifest.volumes.find(each => each.mountPoint === '/boot/efi');
  if (esp === undefined) return [{ what: 'esp', why: 'there is no EFI system partition' }];
  const { offset } = await findPartition(disk, esp.partition);
  const argv = ['mdir', '-/', '-b', '-i', `${raw}@@${offset}`, '::/'];
  const { status, stdout } = await run(argv, { signal: context.signal, accept: [0, 1] });
  if (status !== 0) return [{ what: 'esp', why: 'the EFI system partition cannot be read' }];
  const names = stdout.split('\n').map(line => line.replace(/^::/, '').trim().toUpperCase());
  const menu = names.some(name => /^\/EFI\/[^/]+\/GRUB\.CFG$/.test(name));
  return [
    ...(names.includes(REMOVABLE)
      ? []
      : [{ what: REMOVABLE, why: 'firmware that knows nothing of the disk looks for it' }]),
    ...(menu ? [] : [{ what: '/EFI/*/grub.cfg', why: 'GRUB would not find its menu' }]),
  ];
}
