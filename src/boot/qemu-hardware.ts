import type { Qmp } from './qmp.ts';
import type { Hardware } from './types.ts';

/** Name of the drive that holds the image. */
export const DISK = 'disk';

/** The parts that are read of an answer to `query-blockstats`; its own `unmap_bytes` leaves virtio disks out. */
interface BlockStatistics {
  readonly device?: string;
  readonly parent?: { readonly 'driver-specific'?: { readonly 'discard-bytes-ok'?: number } };
}

/** What QEMU's monitor can do to a guest from outside. */
export function qemuHardware(qmp: Pick<Qmp, 'execute'>): Hardware {
  return {
    async powerButton() {
      await qmp.execute('system_powerdown');
    },
    async enlarge(bytes) {
      await qmp.execute('block_resize', { device: DISK, size: bytes });
    },
    async discarded() {
      const devices = (await qmp.execute('query-blockstats')) as readonly BlockStatistics[];
      const disk = devices.find(({ device }) => device === DISK);
      return disk?.parent?.['driver-specific']?.['discard-bytes-ok'] ?? 0;
    },
  };
}
