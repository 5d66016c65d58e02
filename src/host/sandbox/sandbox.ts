import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { asset } from '../assets.ts';
import type { Context } from '../context.ts';
import { CancelledError, HostError } from '../errors.ts';
import {
  boundedText,
  lastLines,
  lineSplitter,
  plainEnvironment,
  type RunResult,
  ToolError,
} from '../process.ts';
import type { Answer, EnterRequest, Numbered, Request } from './protocol.ts';

export interface SandboxRunOptions {
  /** The whole environment; default: PATH and LANG only. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Names of files in the sandbox's `files`: standard input, and output. */
  readonly from?: string;
  readonly to?: string;
  /** Called for each line as it comes; of the text itself only the beginning and the end are kept then. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly accept?: readonly number[];
  /** Default: `payload`. */
  readonly as?: 'payload' | 'room' | 'supervisor';
}

interface Waiting {
  readonly onAnswer: (answer: Answer) => void;
  readonly onEnd: (error: Error) => void;
}

/**
 * Namespaces in which root does its work: mounts, processes and the network of a build live and die with
 * them. Our process holds the only writing end of the agent's standard input; whatever ends us ends them.
 */
export class Sandbox {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  readonly #context: Context;
  readonly #abort = () => this.#kill();
  #next = 1;
  #complaints = '';
  #over: Error | undefined;

  private constructor(context: Context, child: ChildProcessWithoutNullStreams) {
    this.#context = context;
    this.#child = child;
    const reader = lineSplitter(line => this.#receive(JSON.parse(line) as Answer));
    child.stdout.setEncoding('utf8').on('data', text => reader.write(text));
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    child.stdin.on('error', () => {});
    child.on('error', error => this.#end(error));
    child.on('close', () => this.#end(undefined));
    context.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Starts the namespaces; the host's `/` is still the root until `enter`.
   * @param root the words that make root run a command, from rootPrefix()
   */
  static async open(context: Context, root: readonly string[]): Promise<Sandbox> {
    if (context.signal.aborted) throw new CancelledError();
    const agent = asset('dist', 'sandbox-agent.js');
    if (!existsSync(agent)) throw new HostError(`${agent} is missing`, { advice: 'run npm run build' });
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--ipc', '--uts', '--cgroup'];
    const argv = [...root, 'unshare', ...namespaces, '--propagation=private', '--mount-proc'];
    const [program = '', ...rest] = [...argv, '--', process.execPath, agent];
    // A session of its own: Ctrl-C reaches us alone, and we decide what ends.
    const child = spawn(program, rest, { env: plainEnvironment(), cwd: '/', detached: true });
    return new Sandbox(context, child);
  }

  /** Makes the tools tree the root and sets up mounts, devices and network. */
  async enter(request: Omit<EnterRequest, 'op'>): Promise<void> {
    await this.request({ op: 'enter', ...request });
  }

  /** Any request that answers with a status only. */
  async request(request: Exclude<Request, { op: 'run' }>): Promise<void> {
    await this.#send(request, () => {});
  }

  /**
   * Runs a program inside, by default as the powerless root of the payload.
   * @throws ToolError when its status is not accepted
   */
  async run(argv: readonly string[], options: SandboxRunOptions = {}): Promise<RunResult> {
    const kept = { stdout: keeper('stdout', options.onLine), stderr: keeper('stderr', options.onLine) };
    const request: Request = {
      op: 'run',
      argv,
      env: options.env ?? plainEnvironment(),
      cwd: options.cwd ?? '/',
      as: options.as ?? 'payload',
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.to === undefined ? {} : { to: options.to }),
    };
    const status = await this.#send(request, (stream, text) => kept[stream].add(text));
    const result = { status, stdout: kept.stdout.end(), stderr: kept.stderr.end() };
    if (!(options.accept ?? [0]).includes(status))
      throw new ToolError(argv, result, `ended with status ${status}`);
    return result;
  }

  /** Ends everything inside; resolves when it is gone. */
  async close(): Promise<void> {
    this.#context.signal.removeEventListener('abort', this.#abort);
    if (this.#over) return;
    const closed = once(this.#child, 'close');
    this.#kill();
    await closed;
  }

  #kill(): void {
    this.#child.stdin.destroy();
  }

  #send(request: Request, onOutput: (stream: 'stdout' | 'stderr', text: string) => void): Promise<number> {
    if (this.#over) return Promise.reject(this.#over);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        this.#waiting.delete(id);
        act();
      };
      this.#waiting.set(id, {
        onAnswer: answer => {
          if ('stream' in answer) onOutput(answer.stream, answer.text);
          else if ('status' in answer) settle(() => resolve(answer.status));
          else settle(() => reject(new Error(`sandbox: ${answer.error}`)));
        },
        onEnd: error => settle(() => reject(error)),
      });
      this.#child.stdin.write(`${oneLine({ id, ...request })}\n`);
    });
  }

  #receive(answer: Answer): void {
    this.#waiting.get(answer.id)?.onAnswer(answer);
  }

  #end(cause: Error | undefined): void {
    this.#over ??= this.#context.signal.aborted
      ? new CancelledError()
      : new HostError(
          `the sandbox ended: ${lastLines(this.#complaints, 5) || 'killed'}`,
          cause ? { cause } : {},
        );
    for (const waiting of [...this.#waiting.values()]) waiting.onEnd(this.#over);
  }
}

/** JSON leaves these two as they are, and the agent's reader would end a line at them. */
function oneLine(request: Numbered): string {
  return JSON.stringify(request).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** Takes one stream of a command, and at its end gives what was kept of it. */
function keeper(name: 'stdout' | 'stderr', onLine: SandboxRunOptions['onLine']) {
  if (onLine === undefined) {
    const chunks: string[] = [];
    return { add: (text: string) => void chunks.push(text), end: () => chunks.join('') };
  }
  const kept = boundedText();
  const lines = lineSplitter(line => onLine(line, name));
  return {
    add(text: string) {
      kept.add(text);
      lines.write(text);
    },
    end() {
      lines.end();
      return kept.text();
    },
  };
}
