import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { ConsoleTail } from './console.ts';
import { ConsoleStream } from './console-stream.ts';
import { diskReads, type Life, LifeSigns } from './life-signs.ts';
import { deadEnd, systemSpoke } from './phases.ts';
import { FILES } from './qemu-argv.ts';
import type { Parts } from './qemu-start.ts';
import type { MachineRequest } from './types.ts';

const POLL = 250;
/** Milliseconds between two questions whether the guest reads its disk. */
const LOOK = 1000;

/** Follows a guest while it runs: what it writes to its console, and whether it moves. */
export class GuestWatch {
  readonly #context: Context;
  readonly #parts: Parts;
  readonly #tail: ConsoleTail;
  readonly #signs: LifeSigns;
  readonly #gone = new AbortController();
  #stopped: string | undefined;
  #closed = false;

  constructor({ context, name }: Pick<MachineRequest, 'context' | 'name'>, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
    this.#signs = new LifeSigns(parts.poweredOn.getTime());
    const stream = new ConsoleStream(context.log, name);
    this.#tail = new ConsoleTail(join(parts.directory, FILES.console), line => {
      stream.line(line);
      if (deadEnd(line) !== undefined) this.#gone.abort();
    });
    void parts.qemu.exited().then(() => this.#gone.abort());
  }

  start(): void {
    void this.#follow(() => this.#readConsole(), POLL);
    void this.#follow(() => this.#look(), LOOK);
  }

  /** Fires when QEMU has ended, and when the guest says that it gave up. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Why we ended the guest; undefined: we did not. */
  get stopped(): string | undefined {
    return this.#stopped;
  }

  /** Whether anything beyond firmware and boot loader wrote to the console. */
  get spoke(): boolean {
    return systemSpoke(this.#tail.text);
  }

  get life(): Life {
    return this.#signs.life;
  }

  /** All console output until now. */
  async console(): Promise<string> {
    if (!this.#closed) await this.#tail.poll();
    return this.#tail.text;
  }

  /** When QEMU has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail.close();
  }

  /** Does something again and again while QEMU runs. */
  async #follow(act: () => Promise<void>, pause: number): Promise<void> {
    try {
      while (!this.#closed && this.#parts.qemu.end === undefined) {
        await act();
        await this.#context.sleep(pause);
      }
    } catch (error) {
      // Cancelled, or closed between two steps.
      this.#context.log.debug(`the guest is no longer followed: ${error}`);
    }
  }

  /** Ends a guest that would fill our disk. */
  async #readConsole(): Promise<void> {
    await this.#tail.poll();
    if (!this.#tail.overflowed) return;
    this.#stopped = 'the guest floods its console';
    await this.#parts.qemu.kill();
  }

  async #look(): Promise<void> {
    const reads = await diskReads(this.#parts.qmp);
    this.#signs.look(this.#context.now().getTime(), this.#tail.text, reads);
  }
}
