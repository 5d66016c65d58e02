import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { clean } from '../host/log.ts';
import { lastLines, plainEnvironment } from '../host/process.ts';
import type { GateStreams } from './gate.ts';
import { GATE_DESCRIPTORS } from './qemu-argv.ts';
import { Qmp } from './qmp.ts';
import { tied } from './tied.ts';

const MOST_STDERR = 64 * 1024;

/** A running QEMU whose monitor is its standard input and output. */
export class QemuProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #stderr = '';
  #end: string | undefined;

  /** @param cwd the machine's directory: file names in argv are relative to it */
  constructor(argv: readonly string[], cwd: string) {
    const [program = '', ...rest] = tied(argv);
    this.#child = spawn(program, rest, { cwd, env: plainEnvironment(), stdio: Array(7).fill('pipe') });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MOST_STDERR);
    });
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => this.#conclude(signal === null ? `status ${code}` : String(signal)),
      error => this.#conclude(String(error)),
    );
  }

  /** How it ended, with QEMU's last words; undefined: it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  /** Our ends of the sockets that carry the guest's frames. */
  gateStreams(): GateStreams {
    const { fromGuest, toNetwork, toGuest, fromNetwork } = GATE_DESCRIPTORS;
    const stream = (descriptor: number) => this.#child.stdio[descriptor] as Duplex;
    return {
      ...{ fromGuest: stream(fromGuest), toNetwork: stream(toNetwork) },
      ...{ toGuest: stream(toGuest), fromNetwork: stream(fromNetwork) },
    };
  }

  /** @throws HostError when QEMU ends before it greets; `end` says why once exited() resolves */
  monitor(): Promise<Qmp> {
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new TypeError('QEMU was started without pipes');
    return Qmp.open(stdout, stdin);
  }

  async exited(): Promise<void> {
    await this.#exited;
  }

  /** Nothing of a throwaway guest is worth a shutdown. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #conclude(how: string): void {
    const words = clean(lastLines(this.#stderr, 2));
    this.#end = `QEMU ended with ${how}${words === '' ? '' : `: ${words}`}`;
  }
}
