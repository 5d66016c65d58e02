import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
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
