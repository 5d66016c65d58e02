import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lineSplitter } from '../../host/process.ts';
import type { ConsoleStream } from '../console-stream.ts';
import { deadEnd, whereItStopped } from '../phases.ts';

/** Milliseconds between two looks: each fetches the whole log. */
const POLL = 3000;

export interface AwaitedLine {
  readonly pattern: RegExp;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** What is reached with that line, for messages. */
  readonly phase: string;
}

/**
 * Reads a console log until a line of it matches.
 * @returns the match
 * @throws CheckError at the deadline, or when the guest gave up
 */
export async function waitForLine(
  context: Pick<Context, 'now' | 'sleep'>,
  read: () => Promise<string>,
  { pattern, deadline, phase }: AwaitedLine,
): Promise<RegExpExecArray> {
  for (;;) {
    const text = await read();
    for (const line of text.split('\n')) {
      const found = pattern.exec(clean(line));
      if (found !== null) return found;
    }
    const why = deadEnd(text);
    if (why !== undefined) throw new CheckError(`${phase} will not be reached: ${why}`);
    if (context.now().getTime() >= deadline) {
      throw new CheckError(`${phase} was not reached in time: ${whereItStopped(text)}`);
    }
    await context.sleep(POLL);
  }
}

/** Enough of the end of a log to find it again in a later one, from whose begin Nova has dropped something. */
const ANCHOR = 400;

/** Shows what is new in a console log that is told as a whole each time. */
export class ConsoleNews {
  readonly #lines: ReturnType<typeof lineSplitter>;
  #seen = '';

  constructor(stream: ConsoleStream) {
    this.#lines = lineSplitter(line => stream.line(line));
  }

  see(text: string): void {
    // An answer that was overtaken by a later one.
    if (this.#seen.startsWith(text)) return;
    this.#lines.write(text.slice(this.#known(text)));
    this.#seen = text;
  }

  end(): void {
    this.#lines.end();
  }

  /** How much of a log was seen before. */
  #known(text: string): number {
    if (text.startsWith(this.#seen)) return this.#seen.length;
    const anchor = this.#seen.slice(-ANCHOR);
    const found = text.lastIndexOf(anchor);
    return found === -1 ? 0 : found + anchor.length;
  }
}
