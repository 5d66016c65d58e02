import type { QemuHardware } from '../definition/hardware.ts';
import type { Context } from '../host/context.ts';
import type { Image } from '../openstack/image/types.ts';
import type { Life } from './life-signs.ts';
import type { MetadataSource, StaticNetwork } from './metadata/types.ts';
import type { CloudPlacement } from './nova/types.ts';

/** What boots an image. One file in this folder per kind; the list is in machines.ts. */
export interface Machine {
  readonly kind: 'qemu' | 'nova';
  /** `tcg` or `kvm` once it runs; of a cloud's server `nova`, which does not say. */
  readonly accelerator: string;
  /** When it was switched on. */
  readonly poweredOn: Date;
  /** Address and port that lead to the guest's ssh from outside. */
  readonly address: { readonly host: string; readonly port: number };
  /** What a person types to log in as the default user; absent: his own client knows. */
  readonly login?: readonly string[];
  /** The hypervisor's own word: `running`, `paused`, `shutdown`...; `ended: WHY` when it is gone. */
  status(): Promise<string>;
  /** How far its guest came, and for how long it has not moved; absent where nobody sees whether it reads its disk. */
  life?(): Life;
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
   * @throws CheckError when it takes longer than the timeout, or as soon as the machine is known to be gone
   */
  ssh(command: string, options?: SshOptions): Promise<SshResult>;
  /** What the screen shows, a PNG file; undefined when there is none to be had. */
  screen(): Promise<Buffer | undefined>;
  /** Size of the disk that the guest got, bytes. */
  readonly diskSize: number;
  /** Facts of the virtual network for the checks; absent where we do not stand between the guest and its network. */
  readonly network: WatchedNetwork | undefined;
  /** What only a cloud can be asked. */
  readonly cloud?: CloudSide;
  /** What this machine told its guest, for the checks that look whether it arrived. */
  readonly told?: Told;
  /** What can be done to the hardware from outside; absent where nobody but the cloud can. */
  readonly hardware?: Hardware;
  /** Ends it and removes everything it made; may be called twice. */
  close(): Promise<void>;
}

export interface WatchedNetwork {
  /** The resolver that DHCP hands out. */
  readonly resolver: string;
  /** A domain: nobody can resolve a name under it, so that a guest asks every resolver it knows. */
  readonly unresolved: string;
  /** Destinations of DNS queries for a name, or for names under it, that left the guest so far. */
  queriesFor(name: string): readonly string[];
  /** How often the guest asked a server for the time, and was answered. */
  timesTold(): number;
  /** Lets the guest connect to a port of this host's loopback, at the address told, until it is shut. */
  open(port: number): { readonly address: string; shut(): void };
}

/** A server as its cloud's API has it. */
export interface CloudSide {
  /** Ids and names of what it is made of, for the report. */
  readonly facts: Readonly<Record<string, string>>;
  /** Properties that the image should have in Glance. */
  readonly wanted: Readonly<Record<string, string>>;
  /** The image's record in Glance. */
  image(): Promise<Image>;
  /** Reboots the guest by the API; it lets its user in again when this returns. @throws CheckError */
  reboot(): Promise<void>;
  /** Writes the image over the disk anew; the new guest lets its user in when this returns. @throws CheckError */
  rebuild(userData: string): Promise<void>;
  /**
   * What a second server, which has no network and its data on a config drive, took for its source of data.
   * @throws CheckError when its user-data was not carried out
   */
  configDrive(): Promise<string>;
}

export interface Told {
  readonly hostName: string;
  /** The one key that opens the default user, as authorized_keys has it. */
  readonly publicKey: string;
  /** The IPv4 address that DHCP hands out. */
  readonly address: string;
  /** Undefined: its network leads nowhere. */
  readonly router: string | undefined;
  /** What the metadata said of the network; absent: nothing. */
  readonly network?: StaticNetwork;
  /** Paths that the guest asked the metadata service for; absent: there was none. */
  asked?(): readonly string[];
}

export interface Hardware {
  /** The button by which ACPI asks for power-off; resolves once it is pressed. */
  powerButton(): Promise<void>;
  /** Makes the disk larger under the running guest. @param bytes its new size */
  enlarge(bytes: number): Promise<void>;
  /** Bytes of its disk that the guest said it has no use for, since power-on. */
  discarded(): Promise<number>;
}

/** Ways to log in other than as everybody does; for the checks that must be turned away. */
export interface SshOptions {
  /** Milliseconds; default one minute. */
  readonly timeout?: number;
  /** Default: the default user, over the shared connection. Anybody else gets a connection of his own. */
  readonly user?: string;
  /** Offers no key, so that the answer tells which methods the guest would take. */
  readonly keyless?: boolean;
  /** Written to the command's standard input; default: nothing. */
  readonly input?: Buffer;
  /** Hangs the shared connection up first, and takes any host key: the guest at its other end was started anew. */
  readonly fresh?: boolean;
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
  /** Tells apart in the log what several guests write; default: `first`. */
  readonly name?: string;
  /** Absolute path of the image file to boot; it is never written. */
  readonly image: string;
  readonly form: 'qcow2' | 'raw';
  /** What is loaded in place of a boot loader of the disk. */
  readonly direct?: DirectBoot;
  /** Size of the image's own disk, and of the one that a guest of ours sees; bytes. A cloud's flavor has its own. */
  readonly imageSize: number;
  readonly diskSize: number;
  readonly firmware: Firmware;
  readonly accel: 'auto' | Accelerator;
  /** bytes */
  readonly memory: number;
  readonly cpus: number;
  /** Of a guest of ours. */
  readonly hardware?: QemuHardware;
  readonly userName: string;
  readonly userData: string | Buffer;
  /** How the guest gets its metadata; default: `nocloud`. A cloud has its own way. */
  readonly metadata?: MetadataSource;
  /** Whether the metadata gives addresses that DHCP does not, and a second network card; not with `nocloud`. */
  readonly fixedAddresses?: true;
  /** Whether the guest will be told to start anew. */
  readonly restarts?: true;
  /** What a cloud's operator hands to every guest; absent: nothing. */
  readonly vendorData?: string;
  /** Work directory owned by the caller; the machine removes what it makes there. */
  readonly directory: string;
  /** The user's state directory, where it is remembered what this host's KVM is worth. */
  readonly state: string;
  /** For a machine in a cloud. */
  readonly cloud?: CloudPlacement | undefined;
}
