import { appendFileSync } from 'node:fs';
import type { Context } from '../host/context.ts';
import { CancelledError } from '../host/errors.ts';
import { clean } from '../host/log.ts';

export interface Timing {
  readonly what: string;
  readonly seconds: number;
}

/** The whole log of a build in a file, with the time every step took; the terminal gets the essence. */
export class BuildLog {
  /** Where the log will be when the build is over, for messages. */
  readonly file: string;
  readonly timings: Timing[] = [];
  readonly #context: Context;

  constructor(context: Context, file: string) {
    this.#context = context;
    this.file = file;
  }

  /** A line that something else wrote. */
  line(source: string, text: string): void {
    appendFileSync(this.file, `${source}: ${clean(text)}\n`);
    this.#context.log.untrusted(source, text);
  }

  /** A step with its time; CancelledError is told as what it is. */
  async timed<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.#context.signal.aborted) throw new CancelledError();
    const start = this.#context.now().getTime();
    appendFileSync(this.file, `== ${what}\n`);
    try {
      return await act();
    } finally {
      const seconds = (this.#context.now().getTime() - start) / 1000;
      this.timings.push({ what, seconds });
      appendFileSync(this.file, `== ${what}: ${seconds.toFixed(1)} s\n`);
    }
  }
}
