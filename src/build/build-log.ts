import { appendFileSync } from 'node:fs';
import { link, rename } from 'node:fs/promises';
import type { Context } from '../host/context.ts';
import { CancelledError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { isDiskFull } from '../host/room.ts';

export interface Timing {
  readonly what: string;
  readonly seconds: number;
}

/** The whole log of a build in a file, with the time every step took; the terminal gets the essence. */
export class BuildLog {
  /** Where the log will be when the build has failed, for messages. */
  readonly file: string;
  readonly timings: Timing[] = [];
  readonly #context: Context;
  readonly #path: string;
  #full: unknown;
  #secrets: readonly string[] = [];

  /**
   * @param path where it is written
   * @param kept where it goes when the build fails; default: it stays
   */
  constructor(context: Context, path: string, kept = path) {
    this.#context = context;
    this.#path = path;
    this.file = kept;
  }

  /** Texts that must not stand in the file; the terminal has a mask of its own. */
  hide(secrets: readonly string[]): void {
    this.#secrets = [...this.#secrets, ...secrets];
  }

  /** A line that something else wrote. */
  line(source: string, text: string): void {
    this.#append(`${source}: ${clean(text)}`);
    this.#context.log.untrusted(source, text);
  }

  /** A step with its time; CancelledError is told as what it is. */
  async timed<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.#context.signal.aborted) throw new CancelledError();
    const start = this.#context.now().getTime();
    this.#append(`== ${what}`);
    try {
      const result = await act();
      if (this.#full === undefined) return result;
      // The build tells where and how much it needs.
      throw this.#full;
    } finally {
      const seconds = (this.#context.now().getTime() - start) / 1000;
      this.timings.push({ what, seconds });
      this.#append(`== ${what}: ${seconds.toFixed(1)} s`);
    }
  }

  /**
   * Ends the log with a table of what took how long, and puts it into the bundle. It stays where it was too: what
   * comes after may fail.
   */
  async finish(path: string): Promise<void> {
    this.#append(`== seconds by step\n${table(this.timings)}`);
    await link(this.#path, path);
  }

  /** Puts the log of a failed build where `file` says. @param why the error in words */
  async keep(why: string): Promise<void> {
    this.#append(`== failed: ${clean(why)}\n== seconds by step\n${table(this.timings)}`);
    if (this.#path !== this.file) await rename(this.#path, this.file);
  }

  /** Lines come in event handlers, where nobody could catch a full disk: the step tells of it. */
  #append(line: string): void {
    try {
      const shown = this.#secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line);
      appendFileSync(this.#path, `${shown}\n`);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#full ??= error;
    }
  }
}

function table(timings: readonly Timing[]): string {
  return timings.map(({ what, seconds }) => `${seconds.toFixed(1).padStart(8)}  ${what}`).join('\n');
}
