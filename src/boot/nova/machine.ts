import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { CheckError, CloudError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import {
  consoleLog,
  getServer,
  rebootServer,
  rebuildServer,
  waitForServer,
} from '../../openstack/compute/servers.ts';
import { getImage } from '../../openstack/image/images.ts';
import type { Image } from '../../openstack/image/types.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import { ConsoleStream } from '../console-stream.ts';
import { whereItStopped } from '../phases.ts';
import { closeSsh, type SshTarget, ssh } from '../ssh.ts';
import type { CloudSide, Machine, SshResult, Told } from '../types.ts';
import { ConsoleNews, waitForLine } from './console.ts';

const GIB = 1024 ** 3;
const POLL = 2000;
const SSH_TRY = 30_000;
const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';

/** What a server was made of. */
export interface Parts {
  readonly context: Context;
  readonly services: Services;
  readonly server: string;
  readonly image: string;
  /** GiB. */
  readonly disk: number;
  readonly ssh: SshTarget;
  /** Milliseconds a change by the API may take. */
  readonly patience: number;
  /** Milliseconds a guest may take to come up again. */
  readonly budget: number;
  readonly facts: Readonly<Record<string, string>>;
  readonly told: Told;
  /** What the image should say of itself. */
  readonly properties: Readonly<Record<string, string>>;
  readonly configDrive: CloudSide['configDrive'];
  /** Removes everything that was made, or leaves it as was asked. */
  remove(): Promise<void>;
}

/** A server in a cloud, as a machine. */
export class NovaMachine implements Machine {
  readonly kind = 'nova';
  readonly accelerator = 'nova';
  readonly network = undefined;
  readonly poweredOn: Date;
  readonly cloud: CloudSide;
  readonly told: Told;
  readonly #parts: Parts;
  readonly #news: ConsoleNews;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#news = new ConsoleNews(new ConsoleStream(parts.context.log));
    this.poweredOn = parts.context.now();
    this.told = parts.told;
    this.cloud = {
      facts: parts.facts,
      wanted: parts.properties,
      image: () => this.#image(),
      reboot: () => this.#reboot(),
      rebuild: userData => this.#rebuild(userData),
      configDrive: parts.configDrive,
    };
  }

  get diskSize(): number {
    return this.#parts.disk * GIB;
  }

  get address(): { host: string; port: number } {
    const { host, port } = this.#parts.ssh;
    return { host, port };
  }

  async status(): Promise<string> {
    const { status, fault } = await getServer(this.#parts.services.compute, this.#parts.server);
    if (status === 'ACTIVE') return 'running';
    if (['ERROR', 'SHUTOFF', 'DELETED'].includes(status)) {
      return `ended: Nova says ${status}${fault === undefined ? '' : `, ${clean(fault)}`}`;
    }
    return status.toLowerCase();
  }

  async console(): Promise<string> {
    const text = await consoleLog(this.#parts.services.compute, this.#parts.server);
    this.#news.see(text);
    return text;
  }

  screen(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async waitForConsole(pattern: RegExp, deadline: number, phase: string): Promise<void> {
    await waitForLine(this.#parts.context, () => this.console(), { pattern, deadline, phase });
  }

  ssh(command: string, options: { timeout?: number } = {}): Promise<SshResult> {
    return ssh(this.#parts.ssh, command, { ...options, signal: this.#parts.context.signal });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { context, ssh: target, remove } = this.#parts;
    this.#news.end();
    if (!context.signal.aborted) await closeSsh(target);
    await remove();
    await rm(target.directory, { recursive: true, force: true });
  }

  #image(): Promise<Image> {
    return getImage(this.#parts.services.session.service('image'), this.#parts.image);
  }

  async #reboot(): Promise<void> {
    const { services, server } = this.#parts;
    await this.#anew('rebooted', () => rebootServer(services.compute, server, 'SOFT'));
  }

  async #rebuild(userData: string): Promise<void> {
    const { services, server, image, ssh: target } = this.#parts;
    await this.#anew('rebuilt', async () => {
      await rebuildServer(services.compute, server, { image, userData });
      // The new disk has a new host key.
      await rm(join(target.directory, 'known_hosts'), { force: true });
    });
  }

  /** Does something after which the guest starts anew, and waits until it has. */
  async #anew(what: string, act: () => Promise<void>): Promise<void> {
    const { context, services, server, patience, budget } = this.#parts;
    const before = (await this.ssh(BOOT_ID)).stdout;
    await closeSsh(this.#parts.ssh);
    try {
      await act();
      await waitForServer(services.compute, server, 'ACTIVE', patience);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      throw new CheckError(`the server could not be ${what}: ${error.message}`, { cause: error });
    }
    const end = context.now().getTime() + budget;
    while (!(await this.#startedSince(before))) {
      if (context.now().getTime() >= end) {
        const stopped = whereItStopped(await this.console());
        throw new CheckError(`no ssh within ${budget / 1000} s after it was ${what}: ${stopped}`);
      }
      await context.sleep(POLL);
    }
  }

  /** A reboot that was asked for lets the old system answer for some seconds. */
  async #startedSince(before: string): Promise<boolean> {
    try {
      const { status, stdout } = await this.ssh(BOOT_ID, { timeout: SSH_TRY });
      if (status === 0 && stdout === before) await closeSsh(this.#parts.ssh);
      return status === 0 && stdout !== before;
    } catch (error) {
      if (error instanceof CheckError) return false;
      throw error;
    }
  }
}
