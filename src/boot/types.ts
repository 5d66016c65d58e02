import type { Context } from '../host/context.ts';

/** What boots an image. One file in this folder per kind; the list is in machines.ts. */
export interface Machine {
  readonly kind: 'qemu';
  /** `tcg` or `kvm` once it runs. */
  readonly accelerator: string;
  /** When it was switched on. */
  readonly poweredOn: Date;
  /** Address and port that lead to the guest's ssh from outside. */
  readonly address: { readonly host: string; readonly port: number };
  /** The hypervisor's own word: `running`, `paused`, `shutdown`...; `ended: WHY` when it is gone. */
  status(): Promise<string>;
  /** All console output so far, as the guest wrote it. */
  console(): Promise<string>;
  /**
   * Resolves once a line of the console matches.
   * @param deadline milliseconds since 1970, on the context's clock
   * @throws CheckError at the deadline or when the guest gave up, with the phase and the last lines
   */
  waitForConsole(pattern: RegExp, deadline: number, phase: string): Promise<void>;
  /**
   * Runs a command in the guest over ssh as the default user; status 255 is ssh's own.
   * @throws CheckError when it takes longer than the timeout (milliseconds; default one minute)
   */
  ssh(command: string, options?: { timeout?: number }): Promise<SshResult>;
  /** What the screen shows, a PNG file; undefined when there is none to be had. */
  screen(): Promise<Buffer | undefined>;
  /** Facts of the virtual network for the checks. */
  readonly network: {
    /** The resolver that DHCP hands out. */
    readonly resolver: string;
    /** A domain: no query for a name under it is answered, so that a guest asks every resolver it knows. */
    readonly unanswered: string;
    /** Destinations of DNS queries for a name, or for names under it, that left the guest so far. */
    queriesFor(name: string): readonly string[];
  };
  /** Ends it and removes everything it made; may be called twice. */
  close(): Promise<void>;
}

export interface SshResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Firmware = 'bios' | 'uefi' | 'uefi-secure';
export type Accelerator = 'kvm' | 'tcg';

/** A kernel that the machine loads itself, as bare metal is booted over a network. */
export interface DirectBoot {
  /** Absolute paths. */
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel's parameters. */
  readonly parameters: string;
}

export interface MachineRequest {
  readonly context: Context;
  /** Absolute path of the image file to boot; it is never written. */
  readonly image: string;
  readonly form: 'qcow2' | 'raw';
  /** What is loaded in place of a boot loader of the disk. */
  readonly direct?: DirectBoot;
  /** Size of the disk the guest sees, bytes; larger than the image. */
  readonly diskSize: number;
  readonly firmware: Firmware;
  readonly accel: 'auto' | Accelerator;
  /** bytes */
  readonly memory: number;
  readonly cpus: number;
  readonly userName: string;
  readonly userData: string;
  /** Work directory owned by the caller; the machine removes what it makes there. */
  readonly directory: string;
  /** The user's state directory, where it is remembered what this host's KVM is worth. */
  readonly state: string;
}
