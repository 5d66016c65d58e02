import { open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../../src/definition/types.ts';
import { run } from '../../src/host/process.ts';
import { derivedUuid, placeVolumes, SECTOR, sfdiskScript } from '../../src/image/layout.ts';
import { diskPlan } from '../../src/image/plan.ts';
import { inTemporary } from '../host/support.ts';

const MIB = 1024 * 1024;
const DISK: Disk = {
  ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {}, compression: 'zstd' },
  ...{ reserve: 0, journal: 64 * MIB },
};
const PARTITIONED = ['gpt-hybrid', 'gpt-bios', 'gpt-uefi', 'mbr', 'mbr-hybrid'] as const;

const size = fc.integer({ min: 8, max: 1 << 14 }).map(mebibytes => mebibytes * MIB);
const disks = fc
  .record({
    layout: fc.constantFrom(...PARTITIONED),
    partitions: fc.record({ boot: size, var: size, home: size, swap: size }, { requiredKeys: [] }),
  })
  // An MBR has four primary partitions.
  .filter(({ layout, partitions }) => layout.startsWith('gpt') || Object.keys(partitions).length < 3)
  .map((more): Disk => ({ ...DISK, ...more }));

describe('placeVolumes', () => {
  it('keeps partitions apart, aligned, and within what the tables leave', () => {
    fc.assert(
      fc.property(disks, size, fc.string(), (disk, bytes, seed) => {
        const plan = diskPlan(disk);
        const layout = placeVolumes(plan, bytes, seed);
        for (const [index, part] of layout.volumes.entries()) {
          expect((part.start * SECTOR) % MIB).toBe(0);
          expect((part.size * SECTOR) % MIB).toBe(0);
          const before = layout.volumes[index - 1];
          expect(part.start).toBeGreaterThanOrEqual(before ? before.start + before.size : 2048);
          expect(part.size * SECTOR).toBe(part.bytes ?? bytes);
        }
        const last = layout.volumes.at(-1);
        // The root lies last: it grows into what a larger disk has behind it.
        expect(last).toMatchObject({ name: 'root', number: 1 });
        const end = (last?.start ?? 0) + (last?.size ?? 0);
        expect(end).toBeLessThanOrEqual(layout.size / SECTOR - (plan.table === 'gpt' ? 33 : 0));
        const uuids = layout.volumes.flatMap(part => [part.uuid, part.partitionUuid]);
        expect(new Set([layout.diskUuid, ...uuids]).size).toBe(1 + uuids.length);
        expect(new Set(layout.volumes.map(part => part.number)).size).toBe(layout.volumes.length);
      }),
    );
  });

  it('is the same for the same seed, and another for another', () => {
    const plan = diskPlan(DISK);
    expect(placeVolumes(plan, MIB, 'a')).toEqual(placeVolumes(plan, MIB, 'a'));
    expect(placeVolumes(plan, MIB, 'a').diskUuid).not.toBe(placeVolumes(plan, MIB, 'b').diskUuid);
  });

  it('of a filesystem alone has no table and starts at the first byte', () => {
    const layout = placeVolumes(diskPlan({ ...DISK, layout: 'filesystem' }), 7 * MIB, '');
    expect(layout).toMatchObject({ table: 'none', size: 7 * MIB });
    expect(layout.volumes).toMatchObject([{ number: 0, start: 0, size: (7 * MIB) / SECTOR }]);
  });

  it.each(PARTITIONED)('is what sfdisk makes of it and sgdisk accepts: %s', name =>
    inTemporary(async folder => {
      const partitions = name.startsWith('gpt')
        ? { boot: 9 * MIB, var: 10 * MIB, home: 8 * MIB, swap: 12 * MIB }
        : { boot: 9 * MIB, swap: 12 * MIB };
      const layout = placeVolumes(diskPlan({ ...DISK, layout: name, partitions }), 700 * MIB, 'seed');
      const disk = join(folder, 'disk');
      await (await open(disk, 'w')).close();
      await truncate(disk, layout.size);
      await run(['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', disk], {
        input: sfdiskScript(layout),
      });
      const verified = await run(['sfdisk', '--verify', disk]);
      expect(verified.stdout).toMatch(/No errors detected/);
      const gpt = layout.table === 'gpt';
      if (gpt) expect((await run(['sgdisk', '--verify', disk])).stdout).toMatch(/No problems found/);
      const table = JSON.parse((await run(['sfdisk', '--json', disk])).stdout).partitiontable;
      expect(table.label).toBe(gpt ? 'gpt' : 'dos');
      expect(table.partitions).toEqual(
        [...layout.volumes]
          .sort((a, b) => a.number - b.number)
          .map(part => ({
            ...{ node: `${disk}${part.number}`, start: part.start, size: part.size, type: part.type },
            ...(gpt ? { uuid: part.partitionUuid.toUpperCase(), name: part.name } : {}),
            ...(part.active ? { bootable: true } : {}),
          })),
      );
    }),
  );
});

it('derivedUuid is a UUID of version 8, by its text alone', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(derivedUuid(text)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(derivedUuid(text)).toBe(derivedUuid(text));
    }),
  );
});
