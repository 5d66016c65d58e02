import { expect, it } from 'vitest';
import { diskReads, LifeSigns } from '../../src/boot/life-signs.ts';
import { longestIn } from '../../src/boot/phases.ts';

const GRUB = 'GNU GRUB  version 2.06\r\n';
const KERNEL = `${GRUB}[    0.000000] Linux version 6.1.0\r\n`;

it('counts for how long a guest reached no other phase and read nothing', () => {
  const signs = new LifeSigns(1000);
  const seen = (now: number, console: string, reads: number) => {
    signs.look(now, console, reads);
    return signs.life;
  };
  expect(seen(2000, '', 0)).toEqual({ phase: 'power-on', still: 1000 });
  expect(seen(3000, GRUB, 0)).toEqual({ phase: 'boot loader', still: 0 });
  expect(seen(4000, `${GRUB}Booting\n`, 0)).toEqual({ phase: 'boot loader', still: 1000 });
  expect(seen(5000, GRUB, 7)).toEqual({ phase: 'boot loader', still: 0 });
  expect(seen(6000, KERNEL, 7)).toEqual({ phase: 'kernel', still: 0 });
  expect(seen(7500, KERNEL, 7)).toEqual({ phase: 'kernel', still: 1500 });
});

it('does not take a host that slept for a guest that stands still', () => {
  const signs = new LifeSigns(0);
  signs.look(3_600_000, '', 0);
  expect(signs.life.still).toBe(5000);
});

it('adds up what was read from every disk', async () => {
  const statistics = [{ stats: { rd_operations: 3 } }, { stats: { rd_operations: 4 } }, {}];
  expect(await diskReads({ execute: async () => statistics })).toBe(7);
});

it('gives each phase a share of what a boot may take', () => {
  expect(longestIn('boot loader', 300_000)).toBe(100_000);
  expect(longestIn('cloud-init', 300_000)).toBe(200_000);
});
