import type { FilesystemName } from './filesystems.ts';
import type { Form } from './forms.ts';
import type { QemuHardware } from './hardware.ts';

/**
 * What the factory file says after defaults, inheritance and units are resolved. Everything below
 * `definition/` works on these and never on YAML. Sizes are bytes, durations milliseconds.
 */
export type Distribution = 'debian';
export type Architecture = 'amd64';

export type DiskLayoutName = 'gpt-hybrid' | 'gpt-bios' | 'gpt-uefi' | 'mbr' | 'mbr-hybrid' | 'filesystem';
/** What may have a partition of its own. */
export type PartitionName = 'boot' | 'var' | 'home' | 'swap';

export interface Disk {
  /** Partition table and firmware; `hybrid` boots under BIOS and UEFI, `filesystem` has no table. */
  readonly layout: DiskLayoutName;
  /** Of the root, /var and /home; a /boot of its own is ext4. */
  readonly filesystem: FilesystemName;
  /** Partitions beside the root, with their sizes in bytes. */
  readonly partitions: Readonly<Partial<Record<PartitionName, number>>>;
  /** A block-device configuration of diskimage-builder, as YAML; it stands for layout, filesystem, partitions. */
  readonly config?: string;
  /** Of the qcow2 file. */
  readonly compression: 'zstd' | 'zlib';
  /** Room beyond what the tree needs, bytes. */
  readonly reserve: number;
  /** Journal of the root filesystem, bytes. */
  readonly journal: number;
}

export interface User {
  readonly name: string;
  /** What sudo asks of the user: nothing, the password, or that somebody else does it. */
  readonly sudo: 'nopasswd' | 'password' | 'none';
  /** Public keys that the image itself accepts, beside those that a cloud hands in. */
  readonly sshKeys: readonly string[];
  /** crypt(3) hash, `$y$...`; absent: nobody logs in by a password. */
  readonly passwordHash?: string;
}

export interface Hardening {
  /** Rules left out, with the reason for each. */
  readonly except: Readonly<Record<string, string>>;
}

/** A package repository beside the distribution's own. */
export interface Repository {
  readonly name: string;
  /** Base address without placeholders, without a final slash. */
  readonly uri: string;
  /** `stable`, or a path that ends in a slash for a flat repository. */
  readonly suite: string;
  /** Empty for a flat repository. */
  readonly components: readonly string[];
  /** Path of the public key, relative to the factory file. */
  readonly key: string;
  /** The key's fingerprint, 40 hex digits, upper case. */
  readonly fingerprint: string;
  /** apt's pin priority. */
  readonly pin?: number;
  /** Whether the image keeps it. */
  readonly image: 'keep' | 'remove';
  /** Name of the environment variable that holds `LOGIN:PASSWORD`. */
  readonly credentials?: string;
}

export interface Verification {
  /** Names of the checks that must pass; `src/verify/checks` lists them. */
  readonly checks: readonly string[];
  /** Budget from power-on to cloud-init finished, milliseconds, under the accelerator in use. */
  readonly boot: number;
  /** Least bytes a second between guest and runner, for the check `throughput`. */
  readonly throughput?: number;
  /** Guest memory, bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly qemu?: QemuHardware;
  /** By the name of a check. */
  readonly quarantine?: Readonly<Record<string, Quarantine>>;
  readonly allow?: AllowList;
  /** Folders with checks of the user's own, relative to the factory file; `checks` has their names. */
  readonly own?: readonly string[];
  readonly nova?: NovaPlace;
}

/** Where a server is in a cloud, by names or ids; what is absent is chosen by rule. */
export interface NovaPlace {
  /** Entry of clouds.yaml. */
  readonly cloud?: string;
  readonly region?: string;
  readonly flavor?: string;
  readonly network?: string;
  /** Where a floating IP comes from; `none`: the server's own address is reached. */
  readonly floating?: string;
  readonly zone?: string;
  /** Most servers of ours in the project at a time. */
  readonly servers?: number;
}

/** Names of the checks that a user brings himself, as the source of a pattern. */
export const OWN_NAME = '^own/[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';
/** Folders of a folder of own checks: scripts for the guest, scripts for the runner, files for goss. */
export const OWN_KINDS = ['guest', 'runner', 'goss'] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

/** A check that a user brings himself. */
export interface OwnCheck {
  /** `own/NAME` */
  readonly name: string;
  readonly kind: OwnKind;
  /** Absolute path of the script or file. */
  readonly path: string;
}

/**
 * Findings that are taken as they are, by the name of a check and then by what a finding names: a path, a package,
 * a rule; `*` stands for any text.
 */
export type AllowList = Readonly<Record<string, Readonly<Record<string, Allowed>>>>;

/** Why a finding is taken as it is. */
export interface Allowed {
  readonly reason: string;
  /** Its last day, `2026-12-24`, in UTC; absent: for good. */
  readonly expires?: string;
}

/** A check whose failure is known and being looked into: it stops nothing until it expires. */
export interface Quarantine {
  /** Where it is being looked into. */
  readonly tracker: string;
  /** Its last day, `2026-12-24`, in UTC. */
  readonly expires: string;
}

/** When a line is built again; durations in milliseconds. */
export interface Rebuild {
  /** A changed image is built at most once in this time. */
  readonly every?: number;
  /** What makes a build due. */
  readonly when: readonly ('security' | 'packages' | 'definition')[];
  /** It is built anew after this time, even if nothing is known to have changed. */
  readonly anyway?: number;
}

/** One leg of the matrix: one image line for one architecture. */
export interface ImageLine {
  /** `debian-12`, or `debian-12-gpu` for a variant. */
  readonly name: string;
  readonly title: string;
  readonly distribution: Distribution;
  /** `12`: always text. */
  readonly release: string;
  readonly architecture: Architecture;
  readonly variant?: string;
  readonly owner?: string;
  readonly elements: readonly string[];
  readonly packages: readonly string[];
  /** Whether packages' documentation is in the image; absent, as in older bundles: all of it. */
  readonly documentation?: 'none' | 'all';
  /** DIB_* and other variables that elements see. */
  readonly environment: Readonly<Record<string, string>>;
  readonly disk: Disk;
  readonly forms: readonly Form[];
  readonly mirror: {
    /** Where the build takes packages from; default: the host's own apt configuration. */
    readonly build?: string;
    /** What the image is left with; default: the distribution's own public mirror. */
    readonly image?: string;
  };
  readonly rebuild: Rebuild;
  readonly user: User;
  readonly hardening: Hardening;
  readonly repositories: readonly Repository[];
  readonly verify: Verification;
}

export interface StoreReference {
  readonly kind: 'directory';
  /** Path of the store, relative paths are relative to the output directory of the chain. */
  readonly path: string;
  /** `directory:stores/staging`: how statements and messages name it. */
  readonly name: string;
}

export interface Stage {
  readonly name: string;
  readonly stores: readonly StoreReference[];
  /** The stage whose acceptance this one needs, e.g. production needs staging. */
  readonly needs?: string;
  /** Checks that must have passed in this stage's place, the user's own among them. */
  readonly checks: readonly string[];
  /** Folders with the user's own, relative to the factory file. */
  readonly own?: readonly string[];
}

export interface Retention {
  /** Versions kept beside the current one before the oldest hidden ones may go. */
  readonly keep: number;
}

export type Role = 'verify' | 'release' | 'layers';

export interface Signing {
  /**
   * Fingerprints (40 hex digits, upper case) by role. None that verifies or releases: only the local test key,
   * directory stores only. None for layers: a release is built from none that others have made.
   */
  readonly fingerprints: Readonly<Record<Role, readonly string[]>>;
  /** `env:NAME` or `file:PATH`; absent: the local test key. */
  readonly key?: string;
}

export interface Factory {
  /** Absolute path of the factory file. */
  readonly file: string;
  /** Folders searched for elements, in order; absolute. */
  readonly elementPaths: readonly string[];
  readonly images: readonly ImageLine[];
  /** In the order in which they are promoted through. */
  readonly stages: readonly Stage[];
  readonly retention: Retention;
  readonly signing: Signing;
}
