import type { Machine } from '../boot/types.ts';
import type { AllowList } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import type { Logins } from '../image/logins.ts';
import type { UnitTime } from './boot-chart.ts';
import type { Answers } from './facts.ts';
import type { HardeningScore } from './hardening/score.ts';
import type { PackageMirror } from './mirror-door.ts';
import type { BundleUnderTest, ImageUnderTest, Looked } from './offline/types.ts';

/**
 * How a check ended. `warned`: it failed, and its severity is a warning. `flaky`: it failed, and passed when
 * asked again. `quarantined`: it failed, and the factory file says who is looking into it. `not-applicable`:
 * there is nothing here that it could look at. Only `passed` counts as passed.
 */
export type Outcome = 'passed' | 'warned' | 'failed' | 'flaky' | 'quarantined' | 'not-applicable';

/** `required`: what fails it is refused; `warning`: what fails it is told of. */
export type Severity = 'required' | 'warning';

/**
 * `runner`: where a bundle is tested before it is in any store; `store`: where its bytes stand in one; `cloud`: an
 * OpenStack in which a server is started from them.
 */
export type PlaceKind = 'runner' | 'store' | 'cloud';

export interface CheckResult {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** One cleaned line: what was seen. */
  readonly detail: string;
  /** Of the check `hardening`. */
  readonly score?: HardeningScore;
}

/** What decides whether a check counts. */
export interface CheckFacts {
  /** `ssh`, `user-data`, ... */
  readonly name: string;
  /** A sentence: what it protects the customer from. */
  readonly protects: string;
  readonly severity: Severity;
  /** Where it applies. */
  readonly places: readonly PlaceKind[];
}

/** Looks at the bytes of the bundle, beside the boot. */
export interface OfflineCheck extends CheckFacts {
  readonly kind: 'offline';
  /** @throws CheckError when it cannot even be looked at, NotApplicable when it cannot apply */
  look(image: ImageUnderTest): Promise<Looked>;
}

/**
 * A boot of the image that checks share: `first` with NoCloud and DHCP, `bios`, `uefi` and `secure-boot` like it with that
 * firmware, `drive` with a config drive that gives addresses, `service` with the metadata service of an OpenStack.
 */
export type BootName = 'first' | 'bios' | 'uefi' | 'secure-boot' | 'drive' | 'service';

/** Looks at the guest of a boot, which it shares with others. */
export interface GuestCheck extends CheckFacts {
  readonly kind: 'guest';
  /** Default: `first`, which also serves who wants another firmware, when it has that. */
  readonly boot?: BootName;
  /** What the guest of the first boot is asked as well, to compare. */
  readonly compares?: readonly string[];
  /** Shell commands whose answers it needs, from root; all checks' questions go to the guest in one session. */
  asks?(guest: Pick<GuestUnderTest, 'machine' | 'nonce'>): readonly string[];
  /** It changes the guest for others: it runs when they are done, one after the other in the order of the list. */
  readonly alone?: true;
  /** It starts the guest anew. */
  readonly restarts?: true;
  /** @returns what was seen; throws CheckError with what is wrong, NotApplicable when it cannot apply */
  run(guest: GuestUnderTest): Promise<string>;
}

/** One acceptance test: one file in checks/, one line in its list. */
export type Check = OfflineCheck | GuestCheck;

/** Thrown by a check that finds nothing here that it could look at; the message says what is missing. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

export interface GuestUnderTest {
  readonly context: Context;
  readonly machine: Machine;
  /** From power-on to cloud-init finished it may take so long, milliseconds. */
  readonly budget: number;
  /** Bytes a second that have to pass between guest and runner, each way; absent: nobody says. */
  readonly throughput?: number;
  readonly userName: string;
  /** Size of the image's own disk and of the disk the guest got, bytes. */
  readonly imageSize: number;
  readonly diskSize: number;
  /** Random hex digits that user-data wrote to /run/image-factory-user-data. */
  readonly nonce: string;
  /** From power-on to cloud-init finished; 0: it never was. */
  readonly bootSeconds: number;
  /** Of the version before this one; absent: nothing is known of it. */
  readonly previousBoot?: PreviousBoot;
  /** What cloud-init says of its own work. */
  readonly cloudInit: CloudInitState;
  /** Who may log in beside the cloud's own key, and which findings are taken as they are: the factory file's word. */
  readonly logins: Logins;
  readonly allow: AllowList;
  /** The image that it was started from, and the files that a build made of it. */
  readonly bundle: BundleUnderTest;
  /** Where this host takes packages of the guest's distribution from; nothing where it knows no such place. */
  readonly packageMirror?: PackageMirrorSource;
  /** What the guest answered to the checks' questions; absent: each asks by itself. */
  readonly answers?: Answers;
  /** What the guest of the first boot answered, for a check of another boot; nothing where it never came up. */
  readonly twin?: () => Promise<Answers>;
}

export type PackageMirrorSource = () => Promise<PackageMirror | undefined>;

/** How long an earlier version took until it was ready. */
export interface PreviousBoot {
  readonly version: string;
  /** The shortest under an accelerator, with the same firmware; undefined: none. */
  seconds(accelerator: string): number | undefined;
}

/** `degraded`: it finished, and met errors on the way that it could work around. */
export interface CloudInitState {
  readonly status: 'done' | 'degraded' | 'error';
  /** Its own words, one cleaned line. */
  readonly detail: string;
}

/** Everything one run of the suite found; `report.json` beside the verdict. */
export interface Report {
  readonly formatVersion: 1;
  readonly image: string;
  readonly version: string;
  /** `qemu`, or the store in which the bytes stood: `directory:stores/staging`. */
  readonly place: string;
  /** Unique id of this run of the suite. */
  readonly run: string;
  /** Link to the CI job, or where it ran. */
  readonly job: string;
  readonly machine: {
    readonly kind: string;
    readonly accelerator: string;
    readonly firmware: string;
    /** Of a server in a cloud: ids and names of what it was made of. */
    readonly cloud?: Readonly<Record<string, string>>;
  };
  readonly coreDigest: string;
  readonly diskDigest: string;
  readonly bootedFile: { readonly path: string; readonly sha256: string; readonly sha512: string };
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Seconds from power-on to cloud-init finished; 0 when it never did. */
  readonly bootSeconds: number;
  /** The boots beside it, with the same of each. */
  readonly otherBoots?: readonly { readonly name: string; readonly bootSeconds: number }[];
  /** The units of that boot that took longest. */
  readonly units?: readonly UnitTime[];
  /** Seconds that the checks took which share that boot; those that restart the guest are not among them. */
  readonly sharedSeconds: number;
  /** Names of the checks that must have passed; others were run, and stop nothing. */
  readonly required: readonly string[];
  readonly checks: readonly CheckResult[];
  /** Whether every required check passed. */
  readonly passed: boolean;
}
