import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, checkCancelled } from '../host/context.ts';
import { CheckError, HostError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { run, ToolError } from '../host/process.ts';
import { requireRoom } from '../host/room.ts';
import { startAccelerated, type Trial } from './accel.ts';
import { ConsoleTail } from './console.ts';
import { NetworkGate, UNANSWERED } from './gate.ts';
import { deadEnd, systemSpoke, whereItStopped } from './phases.ts';
import { FILES, FIRMWARE, qemuArgv, virtualNetwork } from './qemu-argv.ts';
import { qemuHardware } from './qemu-hardware.ts';
import { QemuProcess } from './qemu-process.ts';
import type { Qmp } from './qmp.ts';
import { takeScreen } from './screen.ts';
import { makeSeedDisk } from './seed.ts';
import { closeSsh, makeKeyPair, type SshTarget, ssh } from './ssh.ts';
import { tied } from './tied.ts';
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

/**
 * Boots an image in QEMU on this host, on a throwaway overlay; the guest is on when this returns, and no more.
 * @throws HostError when QEMU does not start, CheckError when the image cannot be a disk, CancelledError
 */
export async function bootQemu(request: MachineRequest): Promise<Machine> {
  const { context, directory, accel, state } = request;
  await requireRoom(context, 'booting an image', [{ directory, bytes: ROOM, what: 'what the guest writes' }]);
  return startAccelerated(context, accel, state, accelerator => QemuMachine.start(request, accelerator));
}

interface Parts {
  readonly accelerator: Accelerator;
  readonly directory: string;
  readonly diskSize: number;
  readonly resolver: string;
  readonly gate: NetworkGate;
  readonly qemu: QemuProcess;
  readonly qmp: Qmp;
  readonly ssh: SshTarget;
  readonly told: Told;
  readonly poweredOn: Date;
}

class QemuMachine implements Machine, Trial {
  readonly kind = 'qemu';
  readonly #context: Context;
  readonly #parts: Parts;
  readonly #tail: ConsoleTail;
  readonly #abort = () => void this.#parts.qemu.kill();
  #stopped: string | undefined;
  #closed = false;

  private constructor(context: Context, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
    this.#tail = new ConsoleTail(join(parts.directory, FILES.console), line =>
      context.log.debug(`guest: ${clean(line)}`),
    );
    context.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Makes the guest's files in a folder of their own, removed again if it does not start. */
  static async start(request: MachineRequest, accelerator: Accelerator): Promise<QemuMachine> {
    const { context } = request;
    const directory = join(request.directory, `machine-${context.random(4).toString('hex')}`);
    await mkdir(directory, { mode: 0o700 });
    try {
      const machine = new QemuMachine(context, await switchOn(request, accelerator, directory));
      checkCancelled(context);
      void machine.#watch();
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

  get diskSize(): number {
    return this.#parts.diskSize;
  }

  get network(): WatchedNetwork {
    const { gate, resolver } = this.#parts;
    return { resolver, unanswered: UNANSWERED, queriesFor: name => gate.destinations(name) };
  }

  get told(): Told {
    return this.#parts.told;
  }

  get hardware(): Hardware {
    return qemuHardware({ execute: command => this.#ask(command) });
  }

  /** @throws CheckError when QEMU has ended: that is what the guest did, and no fault of the place */
  async #ask(command: string): Promise<unknown> {
    try {
      return await this.#parts.qmp.execute(command);
    } catch (error) {
      const status = await this.status();
      if (!status.startsWith('ended')) throw error;
      throw new CheckError(`the machine ${status}`, { cause: error });
    }
  }

  spoke(): boolean {
    return systemSpoke(this.#tail.text);
  }

  ended(): string | undefined {
    return this.#stopped ?? this.#parts.qemu.end;
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

  async console(): Promise<string> {
    if (!this.#closed) await this.#tail.poll();
    return this.#tail.text;
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
    if (options.fresh) await closeSsh(this.#parts.ssh);
    return ssh(this.#parts.ssh, command, { ...options, signal: this.#context.signal });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.signal.removeEventListener('abort', this.#abort);
    const { qemu, directory, ssh: target } = this.#parts;
    // With QEMU its end of the connection is gone, and the keeper of a shared one ends by itself too.
    if (!this.#context.signal.aborted) await closeSsh(target);
    await qemu.kill();
    await this.#tail.close();
    await rm(directory, { recursive: true, force: true });
  }

  /** Reads the console as it grows, and ends a guest that would fill our disk with it. */
  async #watch(): Promise<void> {
    try {
      while (!this.#closed && this.#parts.qemu.end === undefined) {
        await this.#tail.poll();
        if (this.#tail.overflowed) await this.#stop('the guest floods its console');
        await this.#context.sleep(POLL);
      }
    } catch (error) {
      // Cancelled, or closed between two steps.
      this.#context.log.debug(`the console is no longer followed: ${error}`);
    }
  }

  async #stop(why: string): Promise<void> {
    this.#stopped = why;
    await this.#parts.qemu.kill();
  }
}

async function switchOn(
  request: MachineRequest,
  accelerator: Accelerator,
  directory: string,
): Promise<Parts> {
  const { context, userName } = request;
  const seeded = await prepareFiles(request, directory);
  const network = virtualNetwork(context.random(2));
  const told = { ...seeded, address: network.guest, router: network.host };
  const qemu = new QemuProcess(qemuArgv(request, accelerator, network), directory);
  const gate = new NetworkGate(qemu.gateStreams(), network);
  const poweredOn = context.now();
  const abort = () => void qemu.kill();
  context.signal.addEventListener('abort', abort, { once: true });
  try {
    const qmp = await qemu.monitor();
    const port = await forwardedPort(qmp);
    const target = { host: '127.0.0.1', port, user: userName, directory };
    const { resolver } = network;
    return {
      ...{ accelerator, directory, diskSize: request.diskSize, resolver, gate, qemu, qmp, told, poweredOn },
      ssh: target,
    };
  } catch (cause) {
    await qemu.kill();
    checkCancelled(context);
    throw new HostError(`the guest was not started: ${qemu.end}`, { cause });
  } finally {
    context.signal.removeEventListener('abort', abort);
  }
}

async function prepareFiles(
  request: MachineRequest,
  directory: string,
): Promise<Pick<Told, 'hostName' | 'publicKey'>> {
  const { context, firmware, userData, vendorData } = request;
  const { signal } = context;
  await makeOverlay(request, join(directory, FILES.disk));
  const publicKey = await makeKeyPair(directory, signal);
  // A name that no image has by heart.
  const hostName = `guest-${context.random(4).toString('hex')}`;
  const instanceId = `image-factory-${context.random(8).toString('hex')}`;
  const seed = { instanceId, hostName, publicKey, userData, ...(vendorData !== undefined && { vendorData }) };
  await makeSeedDisk(join(directory, FILES.seed), seed, signal);
  if (firmware !== 'bios') await copyVariables(firmware, directory);
  return { hostName, publicKey };
}

async function copyVariables(firmware: keyof typeof FIRMWARE, directory: string): Promise<void> {
  await copyFile(FIRMWARE[firmware].variables, join(directory, FILES.vars)).catch(cause => {
    throw new HostError(`the UEFI firmware ${FIRMWARE[firmware].variables} is not there`, {
      advice: 'apt-get install ovmf',
      cause,
    });
  });
}

async function makeOverlay(request: MachineRequest, overlay: string): Promise<void> {
  const { image, form, diskSize, context } = request;
  const backing = ['-b', image, '-F', form];
  const argv = ['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, overlay, String(diskSize)];
  try {
    await run(tied(argv), { signal: context.signal });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CheckError(`${image} cannot be used as a ${form} disk: ${error.message}`, { cause: error });
  }
}

/** The port that the kernel chose, from QEMU's own table: no other process can have it. */
async function forwardedPort(qmp: Qmp): Promise<number> {
  const table = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' });
  const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(String(table))?.[1];
  if (port === undefined) throw new HostError('QEMU does not tell which port leads to the guest');
  return Number(port);
}
