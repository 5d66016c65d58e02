import type { Readable, Writable } from 'node:stream';
import { HostError } from '../host/errors.ts';
import { lineSplitter } from '../host/process.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A client of QEMU's machine protocol: JSON lines over a pair of streams. */
export class Qmp {
  readonly #output: Writable;
  readonly #pending = new Map<number, Pending>();
  #greeted: Pending | undefined;
  #lastId = 0;
  #ended: Error | undefined;

  private constructor(input: Readable, output: Writable) {
    this.#output = output;
    const lines = lineSplitter(line => this.#receive(line));
    input.setEncoding('utf8');
    input.on('data', (text: string) => lines.write(text));
    input.on('close', () => this.#end());
    // A QEMU that died tells its story by its exit; EPIPE adds nothing.
    output.on('error', () => this.#end());
  }

  /**
   * Waits for the greeting and leaves the negotiation of capabilities behind.
   * @throws HostError when the other side closes first
   */
  static async open(input: Readable, output: Writable): Promise<Qmp> {
    const qmp = new Qmp(input, output);
    await new Promise<unknown>((resolve, reject) => {
      qmp.#greeted = { resolve, reject };
      if (qmp.#ended !== undefined) reject(qmp.#ended);
    });
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /**
   * @returns the `return` member of the answer
   * @throws HostError with the class and text of QEMU's error, or when QEMU is gone
   */
  execute(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#lastId += 1;
    const id = this.#lastId;
    const request = { execute: command, id, ...(parameters === undefined ? {} : { arguments: parameters }) };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#output.write(`${JSON.stringify(request)}\n`);
    });
  }

  #receive(line: string): void {
    const message = parse(line);
    if (message === undefined || 'event' in message) return;
    if ('QMP' in message) {
      this.#greeted?.resolve(undefined);
      return;
    }
    const pending = this.#pending.get(Number(message.id));
    if (pending === undefined) return;
    this.#pending.delete(Number(message.id));
    if ('error' in message) pending.reject(refusal(message.error));
    else pending.resolve(message.return);
  }

  #end(): void {
    this.#ended ??= new HostError('the QEMU monitor is closed');
    this.#greeted?.reject(this.#ended);
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null ? { ...message } : undefined;
  } catch {
    return undefined;
  }
}

function refusal(error: unknown): HostError {
  const { class: kind, desc } = error as { class?: unknown; desc?: unknown };
  return new HostError(`the QEMU monitor refused (${String(kind)}): ${String(desc)}`);
}
