import { expect, it } from 'vitest';
import { DISK, qemuHardware } from '../../src/boot/qemu-hardware.ts';

/** As QEMU 7.2 answers. */
const STATISTICS = [
  { device: 'seed', stats: {}, parent: { 'driver-specific': { driver: 'file', 'discard-bytes-ok': 1 } } },
  {
    ...{ device: DISK, stats: { unmap_bytes: 0 } },
    parent: { 'driver-specific': { driver: 'file', 'discard-bytes-ok': 4096, 'discard-bytes-failed': 0 } },
  },
];

it('presses the button and reads what the file below the disk was told to drop', async () => {
  const asked: string[] = [];
  const hardware = qemuHardware({
    execute: async command => {
      asked.push(command);
      return STATISTICS;
    },
  });
  expect(await hardware.discarded()).toBe(4096);
  await hardware.powerButton();
  expect(asked).toEqual(['query-blockstats', 'system_powerdown']);
});

it('reads nothing where a file system drops nothing', async () => {
  expect(await qemuHardware({ execute: async () => [{ device: DISK }] }).discarded()).toBe(0);
});
