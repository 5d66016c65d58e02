import { type FileHandle, open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { lineSplitter } from '../host/process.ts';

/** More than any boot writes; a guest that goes on is out to fill our disk. */
export const MOST_CONSOLE = 8 * 1024 * 1024;

const BLOCK = 64 * 1024;
/** Looks without news after which a line counts as it stands: a prompt, and where a guest hangs, has no end. */
const QUIET = 8;

/** Follows a file that a serial port is written to. */
export class ConsoleTail {
  readonly #file: string;
  readonly #decoder = new StringDecoder('utf8');
  readonly #lines: ReturnType<typeof lineSplitter>;
  #text = '';
  #read = 0;
  #quiet = 0;
  #handle: FileHandle | undefined;
  #polling: Promise<void> | undefined;

  /** @param onLine called with each line as it is completed, or left as it is for a while; not cleaned */
  constructor(file: string, onLine: (line: string) => void) {
    this.#file = file;
    this.#lines = lineSplitter(onLine);
  }

  /** All that was read so far. */
  get text(): string {
    return this.#text;
  }

  get overflowed(): boolean {
    return this.#read >= MOST_CONSOLE;
  }

  /** Reads what was added since; a file that is not there yet is empty. Calls at the same time share one reading. */
  poll(): Promise<void> {
    this.#polling ??= this.#look().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #look(): Promise<void> {
    const before = this.#read;
    await this.#readOn();
    this.#quiet = this.#read === before ? this.#quiet + 1 : 0;
    if (this.#quiet === QUIET) this.#lines.end();
  }

  async #readOn(): Promise<void> {
    this.#handle ??= await openIfThere(this.#file);
    if (this.#handle === undefined) return;
    const block = Buffer.alloc(BLOCK);
    while (!this.overflowed) {
      const { bytesRead } = await this.#handle.read(block, 0, BLOCK, this.#read);
      if (bytesRead === 0) return;
      this.#read += bytesRead;
      const text = this.#decoder.write(block.subarray(0, bytesRead));
      this.#text += text;
      this.#lines.write(text);
    }
  }

  async close(): Promise<void> {
    await this.#polling;
    await this.#handle?.close();
    this.#handle = undefined;
    this.#lines.end();
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
