import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, checkCancelled } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { requireRoom } from '../host/room.ts';
import { startAccelerated, type Trial } from './accel.ts';
import { assertAlive, whileAlive } from './alive.ts';
import { UNRESOLVED } from './gate.ts';
import { GuestWatch } from './guest-watch.ts';
import type { Life } from './life-signs.ts';
import { deadEnd, whereItStopped } from './phases.ts';
import { qemuHardware } from './qemu-hardware.ts';
import { type Parts, switchOn } from './qemu-start.ts';
import { takeScreen } from './screen.ts';
import { closeSsh, forgetSsh, loginArgv, ssh } from './ssh.ts';
import type {
  Accelerator,
  Hardware,
  Machine,
  MachineRequest,
  SshOptions,
  SshResult,
  Told,
  WatchedNetwork,
} from './types.ts';

/** What a first boot writes to its overlay, and then some. */
const ROOM = 2 * 1024 ** 3;
const POLL = 250;
const PATIENCE = 2000;
const SSH_FAILED = 255;

/**
 * Boots an image in QEMU on this host, on a throwaway overlay; the guest is on when this returns, and no more.
 * @throws HostError when QEMU does not start, CheckError when the image cannot be a disk, CancelledError
 */
export async function bootQemu(request: MachineRequest): Promise<Machine> {
  const { context, directory, accel, state } = request;
  await requireRoom(context, 'booting an image', [{ directory, bytes: ROOM, what: 'what the guest writes' }]);
  return startAccelerated(context, accel, state, accelerator => QemuMachine.start(request, accelerator));
}

class QemuMachine implements Machine, Trial {
  readonly kind = 'qemu';
  readonly #context: Context;
  readonly #parts: Parts;
  readonly #watch: GuestWatch;
  readonly #abort = () => void this.#parts.qemu.kill();
  #closed = false;

  private constructor(request: MachineRequest, parts: Parts) {
    this.#context = request.context;
    this.#parts = parts;
    this.#watch = new GuestWatch(request, parts);
    this.#context.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Makes the guest's files in a folder of their own, removed again if it does not start. */
  static async start(request: MachineRequest, accelerator: Accelerator): Promise<QemuMachine> {
    const { context } = request;
    const directory = join(request.directory, `machine-${context.random(4).toString('hex')}`);
    await mkdir(directory, { mode: 0o700 });
    try {
      const machine = new QemuMachine(request, await switchOn(request, accelerator, directory));
      checkCancelled(context);
      machine.#watch.start();
      return machine;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get accelerator(): string {
    return this.#parts.accelerator;
  }

  get poweredOn(): Date {
    return this.#parts.poweredOn;
  }

  get address(): { host: string; port: number } {
    const { host, port } = this.#parts.ssh;
    return { host, port };
  }

  get login(): readonly string[] {
    return loginArgv(this.#parts.ssh);
  }

  get diskSize(): number {
    return this.#parts.diskSize;
  }

  get network(): WatchedNetwork {
    const { gate, resolver } = this.#parts;
    return {
      ...{ resolver, unresolved: UNRESOLVED, queriesFor: name => gate.destinations(name) },
      timesTold: () => gate.timesTold(),
      open: port => gate.open(port),
    };
  }

  get told(): Told {
    return this.#parts.told;
  }

  get hardware(): Hardware {
    return qemuHardware({ execute: (command, parameters) => this.#ask(command, parameters) });
  }

  /** @throws CheckError when QEMU has ended: that is what the guest did, and no fault of the place */
  async #ask(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown> {
    try {
      return await this.#parts.qmp.execute(command, parameters);
    } catch (error) {
      const status = await this.status();
      if (!status.startsWith('ended')) throw error;
      throw new CheckError(`the machine ${status}`, { cause: error });
    }
  }

  spoke(): boolean {
    return this.#watch.spoke;
  }

  ended(): string | undefined {
    return this.#watch.stopped ?? this.#parts.qemu.end;
  }

  async status(): Promise<string> {
    const ended = this.ended();
    if (ended !== undefined) return `ended: ${ended}`;
    try {
      const answer = (await this.#parts.qmp.execute('query-status')) as { status?: unknown };
      return String(answer.status);
    } catch (error) {
      // The monitor closes a moment before QEMU's exit is known.
      await Promise.race([this.#parts.qemu.exited(), this.#context.sleep(PATIENCE)]);
      return `ended: ${this.ended() ?? (error instanceof Error ? error.message : error)}`;
    }
  }

  life(): Life {
    return this.#watch.life;
  }

  console(): Promise<string> {
    return this.#watch.console();
  }

  async screen(): Promise<Buffer | undefined> {
    if (this.ended() !== undefined) return undefined;
    return takeScreen(this.#context, this.#parts.qmp, this.#parts.directory);
  }

  async waitForConsole(pattern: RegExp, deadline: number, phase: string): Promise<void> {
    for (;;) {
      const text = await this.console();
      if (text.split('\n').some(line => pattern.test(clean(line)))) return;
      const why = this.ended() ?? deadEnd(text);
      if (why !== undefined) throw new CheckError(`${phase} will not be reached: ${why}`);
      if (this.#context.now().getTime() >= deadline) {
        throw new CheckError(`${phase} was not reached in time: ${whereItStopped(text)}`);
      }
      await this.#context.sleep(POLL);
    }
  }

  async ssh(command: string, options: SshOptions = {}): Promise<SshResult> {
    if (options.fresh) await forgetSsh(this.#parts.ssh);
    const signals = { gone: this.#watch.gone, cancelled: this.#context.signal };
    return whileAlive(this, signals, async signal => {
      const reply = await ssh(this.#parts.ssh, command, { ...options, signal });
      // A connection breaks a moment before it is known that QEMU ended.
      if (reply.status === SSH_FAILED) await assertAlive(this);
      return reply;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.signal.removeEventListener('abort', this.#abort);
    const { qemu, directory, ssh: target } = this.#parts;
    // With QEMU its end of the connection is gone, and the keeper of a shared one ends by itself too.
    if (!this.#context.signal.aborted) await closeSsh(target);
    await qemu.kill();
    await this.#parts.server?.close();
    await this.#watch.close();
    await rm(directory, { recursive: true, force: true });
  }
}
