import { longestIn, whereItStopped } from '../boot/phases.ts';
import type { Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';

/** What a start of a guest may take: a budget for all of it, and a share of that for standing still. */
export class Patience {
  readonly #context: Context;
  readonly #machine: Machine;
  readonly #budget: number;
  readonly #start: number;

  /** @param budget milliseconds @param start default: power-on */
  constructor(context: Context, machine: Machine, budget: number, start = machine.poweredOn) {
    this.#context = context;
    this.#machine = machine;
    this.#budget = budget;
    this.#start = start.getTime();
  }

  /** Milliseconds so far. */
  get spent(): number {
    return this.#context.now().getTime() - this.#start;
  }

  /** Milliseconds for which the guest may go on as it is. */
  get left(): number {
    return Math.min(this.#budget - this.spent, this.#leftInPhase);
  }

  /** @returns once nothing is left: in which phase the guest stopped, and after how many seconds that is told */
  async end(): Promise<{ seconds: number; stopped: string } | undefined> {
    if (this.left > 0) return undefined;
    const still = this.#leftInPhase > 0 ? undefined : this.#still;
    const seconds = Math.round(Math.min(this.spent, this.#budget) / 1000);
    return { seconds, stopped: whereItStopped(await this.#machine.console(), still) };
  }

  get #leftInPhase(): number {
    const life = this.#machine.life?.();
    return life === undefined ? this.#budget : longestIn(life.phase, this.#budget) - this.#still;
  }

  /** A guest that is told to start anew may have been idle for long. */
  get #still(): number {
    return Math.min(this.#machine.life?.().still ?? 0, this.spent);
  }
}
