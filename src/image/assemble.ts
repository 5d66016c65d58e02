import { open, readFile } from 'node:fs/promises';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { bootSector, coreImage } from './boot-code.ts';
import { MAKERS, shaped, type VolumeRequest } from './filesystems.ts';
import { espCommand } from './grub.ts';
import { type DiskLayout, type PlacedVolume, SECTOR, sfdiskScript } from './layout.ts';
import { bootOf, type DiskPlan, firmwaresOf, volumesBelow } from './volume.ts';

export interface AssembleRequest {
  /** The finished tree, and the directory of results, as the sandbox and as we see it. */
  readonly tree: string;
  readonly inside: string;
  readonly outside: string;
  readonly plan: DiskPlan;
  readonly layout: DiskLayout;
  /** Of the volume's filesystem. */
  readonly sizing: (volume: PlacedVolume) => Pick<VolumeRequest, 'bytesPerInode' | 'journal'>;
  /** Seconds since 1970: every time in the file systems. */
  readonly epoch: number;
}

/** Name of the raw disk in the directory of results. */
export const RAW = 'disk.raw';

/**
 * A disk image from a tree: partition table, filesystems and boot code, written into a plain file; no loop
 * device, no mount. The file must exist, writable for the sandbox, empty, with the layout's size.
 */
export async function assembleDisk(sandbox: Sandbox, request: AssembleRequest): Promise<void> {
  const { tree, inside, plan, layout, sizing, epoch } = request;
  const raw = `${inside}/${RAW}`;
  if (layout.table !== 'none') {
    await sandbox.run(['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', raw], {
      input: sfdiskScript(layout),
    });
  }
  if (firmwaresOf(plan).uefi) await fillEsp(sandbox, request);
  for (const volume of layout.volumes) {
    const source = sourceOf(tree, volume);
    const below = volumesBelow(plan, volume);
    await MAKERS[volume.content](sandbox, {
      ...{ volume, tree, below, raw, epoch, ...sizing(volume) },
      ...(source === undefined ? {} : { source }),
    });
  }
  if (firmwaresOf(plan).bios) await layBootCode(sandbox, request);
}

/** The ESP's content, beside the tree: it is the disk's and not the tree's. */
const STAGED_ESP = '/tmp/esp';

function sourceOf(tree: string, { mount }: PlacedVolume): string | undefined {
  const point = mount?.point;
  if (point === '/boot/efi') return STAGED_ESP;
  return point?.startsWith('/') ? tree + (point === '/' ? '' : point) : undefined;
}

async function fillEsp(sandbox: Sandbox, { tree, plan, layout, epoch }: AssembleRequest): Promise<void> {
  const boot = layout.volumes.find(each => each.name === bootOf(plan).name);
  const argv = espCommand(plan, tree, STAGED_ESP, boot?.uuid ?? '');
  await sandbox.run(argv, { env: shaped(epoch) });
}

const GRUB = '/boot/grub/i386-pc';

/** Where GRUB's core image lies, and how many sectors it may have: its own partition, or the gap behind an MBR. */
function corePlace(layout: DiskLayout): { start: number; room: number } | undefined {
  if (layout.table === 'mbr') return { start: 1, room: (layout.volumes[0]?.start ?? 1) - 1 };
  const own = layout.volumes.find(each => each.content === 'bios-boot');
  return own && { start: own.start, room: own.size };
}

async function layBootCode(sandbox: Sandbox, request: AssembleRequest): Promise<void> {
  const { layout, inside, outside, tree } = request;
  const place = corePlace(layout);
  const made = await sandbox.run(['test', '-e', `${tree}${GRUB}/core.img`], { accept: [0, 1] });
  if (place === undefined || made.status !== 0) return;
  for (const name of ['boot.img', 'core.img']) {
    await sandbox.run(['sh', '-c', 'cat "$1" > "$2"', 'cat', `${tree}${GRUB}/${name}`, `${inside}/${name}`]);
  }
  const code = bootSector(await readFile(`${outside}/boot.img`), place.start);
  const image = coreImage(await readFile(`${outside}/core.img`), place.start);
  if (image.length > place.room * SECTOR) throw new Error("GRUB's core image does not fit into its place");
  const file = await open(`${outside}/${RAW}`, 'r+');
  try {
    await file.write(code, 0, code.length, 0);
    await file.write(image, 0, image.length, place.start * SECTOR);
    await file.sync();
  } finally {
    await file.close();
  }
}
