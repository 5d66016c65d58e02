import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBoots, withinCores } from '../../src/verify/boot-plan.ts';
import { CHECKS } from '../../src/verify/checks/index.ts';
import { twins } from '../../src/verify/checks/twins.ts';
import type { GuestCheck } from '../../src/verify/types.ts';

const named = (...names: string[]) =>
  CHECKS.filter((check): check is GuestCheck => check.kind === 'guest' && names.includes(check.name));

describe('planBoots', () => {
  it('needs no boot for no check, and one for all that share it', () => {
    expect(planBoots([], 'bios')).toEqual([]);
    expect(planBoots(named('ssh', 'units', 'restart'), 'bios').map(({ name }) => name)).toEqual(['first']);
  });

  it('boots once for all checks of a kind, and the first guest for those who compare with it', () => {
    const plans = planBoots(named('twins', 'drive-metadata', 'static-network', 'service-metadata'), 'bios');
    expect(plans.map(({ name, checks }) => [name, checks.length])).toEqual([
      ['first', 0],
      ['drive', 3],
      ['service', 1],
    ]);
    expect(plans[0]?.asks).toEqual(twins.compares);
    expect(planBoots(named('service-metadata'), 'bios').map(({ name }) => name)).toEqual(['service']);
  });

  it.each([
    ['bios', ['first bios', 'uefi uefi', 'secure-boot uefi-secure']],
    ['uefi', ['first uefi', 'bios bios', 'secure-boot uefi-secure']],
    ['uefi-secure', ['first uefi-secure', 'bios bios', 'uefi uefi']],
  ] as const)('boots under every firmware that is asked for, and under %s once', (firmware, expected) => {
    const plans = planBoots(named('ssh', 'bios', 'uefi', 'secure-boot'), firmware);
    expect(plans.map(plan => `${plan.name} ${plan.firmware}`)).toEqual(expected);
    expect(plans.map(({ checks }) => checks.length)).toEqual([2, 1, 1]);
  });

  it('has the firmware of the run where nobody asks for another', () => {
    const plans = planBoots(named('ssh', 'drive-metadata', 'service-metadata'), 'uefi');
    expect(plans.map(plan => plan.firmware)).toEqual(['uefi', 'uefi', 'uefi']);
  });
});

describe('withinCores', () => {
  const costs = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 });

  it('never takes more processors than there are, begins in order, and gives every result', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), costs, async (cores, cpus) => {
        let busy = 0;
        const begun: number[] = [];
        const jobs = cpus.map((cost, index) => ({
          cpus: cost,
          run: async () => {
            begun.push(index);
            busy += Math.min(cost, cores);
            expect(busy).toBeLessThanOrEqual(cores);
            for (let turn = 0; turn < (index * 7) % 5; turn++) await Promise.resolve();
            busy -= Math.min(cost, cores);
            return index;
          },
        }));
        expect(await withinCores(cores, jobs)).toEqual(cpus.map((_, index) => index));
        expect(begun).toEqual(cpus.map((_, index) => index));
      }),
    ));

  it('has ended all when it throws', async () => {
    let ended = false;
    const slow = async () => {
      await new Promise(resolve => setTimeout(resolve, 20));
      ended = true;
    };
    const jobs = [
      { cpus: 1, run: () => Promise.reject(new Error('broken')) },
      { cpus: 1, run: slow },
    ];
    await expect(withinCores(2, jobs)).rejects.toThrow('broken');
    expect(ended).toBe(true);
  });
});
