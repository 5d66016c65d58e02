import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { CancelledError, HostError } from './errors.ts';

export interface RunOptions {
  /** The whole environment of the child; default: PATH and LANG only, so that no secret is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to the child's standard input, which is closed afterwards; default: nothing. */
  readonly input?: string | Buffer;
  /** Keeps the child's standard input open until it ends, so that it sees when we are gone. */
  readonly hold?: true;
  readonly signal?: AbortSignal;
  /** Kill it after so many milliseconds. */
  readonly timeout?: number;
  /** Called for each line of both streams as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Exit statuses that are no failure; default: 0 only. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A tool ended with a status nobody expected. */
export class ToolError extends Error {
  readonly argv: readonly string[];
  readonly result: RunResult;

  constructor(argv: readonly string[], result: RunResult, why: string) {
    const last = lastLines(result.stderr || result.stdout, 3);
    super(`${argv[0]} ${why}${last === '' ? '' : `: ${last}`}`);
    this.name = 'ToolError';
    this.argv = argv;
    this.result = result;
  }
}

/** At most this much of each stream is kept in memory; the middle of a longer one is lost. */
const KEEP = 4 * 1024 * 1024;

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment a child gets unless it is told otherwise. */
export function plainEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: DEFAULT_PATH, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...extra };
}

/**
 * Runs one program to its end. argv is an array and never meets a shell.
 * @throws ToolError when the status is not accepted, HostError when the program is not there,
 *   CancelledError when the signal fired
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...rest] = argv;
  if (program === undefined) throw new TypeError('run: empty argv');
  if (options.signal?.aborted) throw new CancelledError();
  const child = spawn(program, rest, {
    env: options.env ?? plainEnvironment(),
    cwd: options.cwd,
    stdio: [options.input === undefined && !options.hold ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const stop = killOnAbort(child, options);
  const stdout = collect(child, 'stdout', options.onLine);
  const stderr = collect(child, 'stderr', options.onLine);
  feed(child, options);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const result = { status: code ?? 128, stdout: stdout(), stderr: stderr() };
    if (options.signal?.aborted) throw new CancelledError();
    if (stop.timedOut()) throw new ToolError(argv, result, `was stopped after ${options.timeout} ms`);
    if (signal !== null) throw new ToolError(argv, result, `was killed by ${signal}`);
    if (!(options.accept ?? [0]).includes(result.status)) {
      throw new ToolError(argv, result, `ended with status ${result.status}`);
    }
    return result;
  } catch (error) {
    throw notStarted(error, program, options.cwd);
  } finally {
    stop.disarm();
  }
}

/** What spawn says, as one of our errors: it says ENOENT for a missing directory too. */
export function notStarted(error: unknown, program: string, cwd: string | undefined): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES') return new HostError(`${program} cannot be executed`, { cause: error });
  if (code !== 'ENOENT') return error;
  if (cwd !== undefined && !existsSync(cwd)) {
    return new HostError(`${program} cannot start in ${cwd}, which is not there`, { cause: error });
  }
  return new HostError(`${program} is not installed or not in the PATH`, { cause: error });
}

function feed(child: ChildProcess, { input, hold }: RunOptions): void {
  // A child that ends early closes the pipe; its exit status tells the story, EPIPE adds nothing.
  child.stdin?.on('error', () => {});
  if (!hold) child.stdin?.end(input);
}

function killOnAbort(child: ChildProcess, options: RunOptions) {
  let late = false;
  const kill = () => {
    child.kill('SIGKILL');
    // A grandchild may hold the pipes for as long as it likes; we do not wait for it.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  options.signal?.addEventListener('abort', kill, { once: true });
  const timer =
    options.timeout === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          kill();
        }, options.timeout);
  return {
    timedOut: () => late,
    disarm() {
      options.signal?.removeEventListener('abort', kill);
      clearTimeout(timer);
    },
  };
}

/** A text of which only so much is kept: when it grows too long, its middle is lost. */
export function boundedText(): { add(text: string): void; text(): string } {
  let kept = '';
  return {
    add(text) {
      kept += text;
      if (kept.length > KEEP) kept = `${kept.slice(0, KEEP / 4)}\n[...]\n${kept.slice(-KEEP / 2)}`;
    },
    text: () => kept,
  };
}

/** Keeps a stream's text (bounded) and hands out its lines; returns a reader for what was kept. */
function collect(child: ChildProcess, name: 'stdout' | 'stderr', onLine: RunOptions['onLine']): () => string {
  const kept = boundedText();
  const feedLines = onLine ? lineSplitter(line => onLine(line, name)) : undefined;
  const decoder = new StringDecoder('utf8');
  child[name]?.on('data', (chunk: Buffer) => {
    const text = decoder.write(chunk);
    kept.add(text);
    feedLines?.write(text);
  });
  child[name]?.on('end', () => feedLines?.end());
  return kept.text;
}

/** A longer line comes in pieces, so that a writer who never ends one cannot fill our memory. */
const LONGEST_LINE = 1024 * 1024;

/** Turns chunks of text into lines; a lone carriage return ends a line too, as progress meters use it. */
export function lineSplitter(onLine: (line: string) => void): { write(text: string): void; end(): void } {
  let rest = '';
  return {
    write(text) {
      const parts = (rest + text).split(/\r?\n|\r(?!$)/);
      rest = parts.pop() ?? '';
      if (rest.length > LONGEST_LINE) {
        parts.push(rest);
        rest = '';
      }
      for (const part of parts) onLine(part);
    },
    end() {
      if (rest !== '') onLine(rest.replace(/\r$/, ''));
      rest = '';
    },
  };
}

/** The last lines of a text that are not empty, joined for a one-line message. */
export function lastLines(text: string, count: number): string {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .slice(-count)
    .join(' | ');
}
