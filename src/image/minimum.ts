import type { Entry } from './read/filesystem.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** What a booted system with cloud-init at work takes beside its kernel and initramfs, with room to spare. */
const SYSTEM = 256 * MIB;
/** Flavours and modules of machines come in such steps. */
const STEP = 64;

/**
 * The least machine for an image. Memory is a rule, not a measurement: the system, the kernel twice, since it is
 * unpacked beside itself, and the initramfs four times, since it is unpacked in memory to about three times its size;
 * of several kernels the one that takes most. test/long/forms.test.ts boots such a machine.
 * @param entries all of the image
 * @param diskSize bytes
 * @returns disk in GiB, as Glance counts; memory in MiB
 */
export function minimumOf(
  entries: readonly Pick<Entry, 'path' | 'size'>[],
  diskSize: number,
): { disk: number; memory: number } {
  const sizes = new Map(entries.map(({ path, size }) => [path, size]));
  const boots = [...sizes].flatMap(([path, size]) => {
    const version = /^\/boot\/vmlinuz-(.+)$/.exec(path)?.[1];
    return version === undefined ? [] : [2 * size + 4 * (sizes.get(`/boot/initrd.img-${version}`) ?? 0)];
  });
  const bytes = SYSTEM + Math.max(0, ...boots);
  return { disk: Math.ceil(diskSize / GIB), memory: Math.ceil(bytes / MIB / STEP) * STEP };
}
