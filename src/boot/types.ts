import type { Context } from '../host/context.ts';

/** What boots an image. One file in this folder per kind; the list is in machines.ts. */
export interface Machine {
  readonly kind: 'qemu';
  /** `tcg` or `kvm` once it runs. */
  readonly accelerator: string;
  /** Address and port that lead to the guest's ssh from outside. */
  readonly address: { readonly host: string; readonly port: number };
  /** The hypervisor's own word: `running`, `paused`, `shutdown`... */
  status(): Promise<string>;
  /** All console output so far. */
  console(): Promise<string>;
  /** Resolves once a line of the console matches; rejects with CheckError at the deadline, with the last lines. */
  waitForConsole(pattern: RegExp, deadline: number, phase: string): Promise<void>;
  /** Runs a command in the guest over ssh as the default user. */
  ssh(
    command: string,
    options?: { timeout?: number },
  ): Promise<{ status: number; stdout: string; stderr: string }>;
  /** Facts of the virtual network for the checks. */
  readonly network: {
    /** The resolver that DHCP hands out. */
    readonly resolver: string;
    /** Destinations of DNS queries for names under `name` that left the guest so far. */
    queriesFor(name: string): Promise<readonly string[]>;
  };
  /** Ends it and removes everything it made; may be called twice. */
  close(): Promise<void>;
}

export interface MachineRequest {
  readonly context: Context;
  /** The image file to boot; it is never written. */
  readonly image: string;
  readonly form: 'qcow2' | 'raw';
  /** Size of the disk the guest sees, bytes; larger than the image. */
  readonly diskSize: number;
  readonly firmware: 'bios' | 'uefi' | 'uefi-secure';
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** bytes */
  readonly memory: number;
  readonly cpus: number;
  readonly userName: string;
  readonly userData: string;
  /** Work directory owned by the caller; the machine removes what it makes there. */
  readonly directory: string;
}
