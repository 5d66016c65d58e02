import type { Firmware, MachineRequest } from '../boot/types.ts';
import type { BootName, GuestCheck } from './types.ts';
import { multipartUserData, scriptUserData, userData } from './user-data.ts';

/** One boot of the image, and who looks at it. */
export interface BootPlan {
  readonly name: BootName;
  readonly checks: readonly GuestCheck[];
  /** Commands that the guest is asked for the checks of other boots. */
  readonly asks: readonly string[];
  readonly firmware: Firmware;
  readonly how: Pick<MachineRequest, 'metadata' | 'fixedAddresses'>;
  /** @param nonce hex digits, which it leaves in the guest */
  userData(nonce: string): string | Buffer;
}

/** Without a firmware of its own it has the run's. */
type Variant = Pick<BootPlan, 'how' | 'userData'> & Partial<Pick<BootPlan, 'firmware'>>;

const VARIANTS: Readonly<Record<BootName, Variant>> = {
  first: { how: {}, userData },
  bios: { how: {}, userData, firmware: 'bios' },
  uefi: { how: {}, userData, firmware: 'uefi' },
  'secure-boot': { how: {}, userData, firmware: 'uefi-secure' },
  drive: { how: { metadata: 'config-drive', fixedAddresses: true }, userData: multipartUserData },
  service: { how: { metadata: 'service' }, userData: scriptUserData },
};

/** The firmware that a check is about; undefined: whichever there is. */
export function ownFirmware({ boot = 'first' }: GuestCheck): Firmware | undefined {
  return VARIANTS[boot].firmware;
}

/**
 * The boots that these checks need, the first one first; it is there for those too who only compare with it.
 * @param firmware of the boots that have none of their own
 */
export function planBoots(checks: readonly GuestCheck[], firmware: Firmware): BootPlan[] {
  const bootOf = (check: GuestCheck) => (ownFirmware(check) === firmware ? 'first' : (check.boot ?? 'first'));
  const names = Object.keys(VARIANTS) as BootName[];
  return names
    .map(name => ({
      name,
      firmware,
      checks: checks.filter(check => bootOf(check) === name),
      asks: name === 'first' ? checks.flatMap(({ compares = [] }) => compares) : [],
      ...VARIANTS[name],
    }))
    .filter(plan => plan.checks.length + plan.asks.length > 0);
}

interface Job<T> {
  /** Processors that it keeps busy. */
  readonly cpus: number;
  run(): Promise<T>;
}

/**
 * Runs jobs side by side within so many processors, begun in their order; one that wants more than there are runs alone.
 * All have ended when it returns or throws.
 */
export async function withinCores<T>(cores: number, jobs: readonly Job<T>[]): Promise<T[]> {
  let free = cores;
  const running = new Set<Promise<unknown>>();
  const results: Promise<T>[] = [];
  for (const { cpus, run } of jobs) {
    const cost = Math.min(cpus, cores);
    while (free < cost) await Promise.race(running);
    free -= cost;
    const result = run();
    const ended: Promise<unknown> = result
      .catch(() => {})
      .then(() => {
        free += cost;
        running.delete(ended);
      });
    running.add(ended);
    results.push(result);
  }
  await Promise.allSettled(results);
  return Promise.all(results);
}
