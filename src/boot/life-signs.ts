import { type PhaseName, phaseOf } from './phases.ts';
import type { Qmp } from './qmp.ts';

/** A look that comes later than so much counts as this much: then it was this host that stood still. */
const LONGEST_LOOK = 5000;

/** How far a guest came. */
export interface Life {
  readonly phase: PhaseName;
  /** Milliseconds for which it reached no other phase and read nothing from its disks. */
  readonly still: number;
}

/** Follows a guest from power-on; it has to be told often how things stand. */
export class LifeSigns {
  #phase: PhaseName = 'power-on';
  #still = 0;
  #reads = 0;
  #last: number;

  /** @param now milliseconds of any clock, as in `look` */
  constructor(now: number) {
    this.#last = now;
  }

  get life(): Life {
    return { phase: this.#phase, still: this.#still };
  }

  /**
   * @param console all that it wrote so far
   * @param reads how often it read from a disk so far
   */
  look(now: number, console: string, reads: number): void {
    const phase = phaseOf(console);
    const alive = phase !== this.#phase || reads !== this.#reads;
    this.#still = alive ? 0 : this.#still + Math.min(LONGEST_LOOK, now - this.#last);
    this.#phase = phase;
    this.#reads = reads;
    this.#last = now;
  }
}

/** How often a guest read from its disks since power-on. @throws HostError when QEMU is gone */
export async function diskReads(qmp: Pick<Qmp, 'execute'>): Promise<number> {
  const devices = (await qmp.execute('query-blockstats')) as readonly {
    readonly stats?: { readonly rd_operations?: number };
  }[];
  return devices.reduce((sum, { stats }) => sum + (stats?.rd_operations ?? 0), 0);
}
